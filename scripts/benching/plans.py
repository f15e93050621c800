"""Plans: what the command parser takes, beside plain `generate` of transformers under the same grammar.

- Commands of two operations, for the engine in this process and over HTTP: at most half a second, of medians.
- The engine against `generate` with the grammar as a logits processor, the same weights, greedy: at most 0.4 times.
- Both must give the same plans, but for what bfloat16 decides by the last bit; how many differ is told.

All of it uses as many threads as there are processors, unless OMP_NUM_THREADS says otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from scripts.benching.gateway import ROOT, running

MODEL = "command-parser"
MOST_SECONDS, MOST_SHARE = 0.5, 0.4
FIRST = "add a dog and rotate right"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked of this measurement."""
    parser.add_argument("--commands", type=int, default=12, help="so many commands of two operations")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="four commands, one turn")


def measure(arguments: argparse.Namespace) -> bool:
    """Print every figure; return whether all targets were met."""
    import httpx

    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the gateway's workers have it
    count, turns = (4, 1) if arguments.quick else (arguments.commands, arguments.turns)
    commands = read_commands(count)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {len(commands)} commands, {turns} turn(s)")
    bare, passes_of_bare = load_bare()
    engine, passes_of_engine = load_engine()
    with running({"TAWNY_DEVICE": "cpu"}) as url, httpx.Client(base_url=url, timeout=120) as client:

        def ask(command: str) -> Any:
            answer = client.post("/v1/images/plans", json={"command": command})
            if answer.status_code != 200:
                raise SystemExit(f"bench: {answer.text}")
            return answer.json()["operations"]

        ways: dict[str, Callable[[str], Any]] = {"generate": bare, "engine": engine, "over HTTP": ask}
        for way in ways.values():
            way(FIRST)
        passes_of_bare.clear()
        passes_of_engine.clear()
        taken: dict[str, list[float]] = {name: [] for name in ways}
        differing = 0
        for _ in range(turns):
            for command in commands:
                plans = {name: _time(taken[name], way, command) for name, way in ways.items()}
                differing += plans["generate"] != plans["engine"]
    runs = turns * len(commands)
    passes = len(passes_of_bare) / runs, len(passes_of_engine) / runs
    print(f"passes of the model a plan: generate {passes[0]:.1f}, engine {passes[1]:.1f}")
    print(f"plans that differ: {differing} of {runs}")
    return _tell(taken)


def _time(taken: list[float], way: Callable[[str], Any], command: str) -> Any:
    started = time.perf_counter()
    plan = way(command)
    taken.append(time.perf_counter() - started)
    return plan


def _tell(taken: dict[str, list[float]]) -> bool:
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    met = True
    for name, seconds in taken.items():
        judged = name != "generate"
        good = medians[name] <= MOST_SECONDS
        met &= good or not judged
        verdict = f", target {MOST_SECONDS} s: {'met' if good else 'MISSED'}" if judged else ""
        print(f"{name:<10} median {medians[name]:.3f} s, best {min(seconds):.3f} s{verdict}")
    share = sum(taken["engine"]) / sum(taken["generate"])
    print(
        f"engine : generate = {share:.2f} (of medians {medians['engine'] / medians['generate']:.2f}), "
        f"target {MOST_SHARE}: {'met' if share <= MOST_SHARE else 'MISSED'}",
        flush=True,
    )
    return met and share <= MOST_SHARE


def read_commands(count: int) -> list[str]:
    """Return so many commands of two operations, those of the open file."""
    lines = (ROOT / "tests" / "data" / "commands.jsonl").read_text(encoding="utf-8").splitlines()
    read = [json.loads(line) for line in lines]
    return [FIRST, *(line["command"] for line in read if line["kind"] == "double")][:count]


def _folders() -> Any:
    from inference.catalogue import Catalogue
    from inference.engine import Weights
    from inference.settings import Settings
    from inference.weights import find

    settings = Settings()
    catalogue = Catalogue.load(settings.manifest)
    row = catalogue.row(MODEL)
    base = find(catalogue.row(row.base or ""), settings.models)
    return Weights(row.id, find(row, settings.models), base)


def _dtype() -> Any:
    from pathlib import Path

    from inference.hardware.processor import read_processor

    return read_processor(Path("/")).dtype


def load_engine() -> tuple[Callable[[str], Any], list[int]]:
    """Return what plans with the engine of this process, and the list that grows by one with each pass of its model."""
    from inference.engines.parser import Parser
    from inference.hardware.device import Device
    from inference.operations import plan_schema
    from inference.operations.examples import EXAMPLES

    parser = Parser()
    parser.load(_folders(), Device("cpu", "cpu", _dtype(), "a measurement"))
    passes = _count(parser._reader.model)

    def plan(command: str) -> Any:
        verb = parser.parse(command, plan_schema(), EXAMPLES)
        while True:
            try:
                next(verb)
            except StopIteration as end:
                return end.value

    return plan, passes


def load_bare() -> tuple[Callable[[str], Any], list[int]]:
    """Return what plans with `generate` alone, and the list that grows by one with each pass of its model."""
    import torch
    from llguidance import LLMatcher
    from llguidance.hf import from_tokenizer
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from inference.operations import plan_schema

    weights = _folders()
    dtype = getattr(torch, _dtype())
    model = AutoModelForCausalLM.from_pretrained(weights.base, dtype=dtype, local_files_only=True)
    model = PeftModel.from_pretrained(model, str(weights.path)).merge_and_unload().eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(weights.base, local_files_only=True)
    template = json.loads((weights.path / "prompt.json").read_text(encoding="utf-8"))["template"]
    vocabulary = from_tokenizer(tokenizer, n_vocab=int(model.config.vocab_size))
    options: Any = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
    grammar = LLMatcher.grammar_from_json_schema(plan_schema(), overrides=options)
    passes = _count(model)

    def plan(command: str) -> Any:
        matcher = LLMatcher(vocabulary, grammar)
        ids = tokenizer(template.replace("{command}", command), return_tensors="pt")
        begun = ids["input_ids"].shape[1]

        def constrain(read: Any, scores: Any) -> Any:
            if read.shape[1] > begun:
                matcher.consume_token(int(read[0, -1]))
            allowed = torch.frombuffer(bytearray(matcher.compute_logit_bias()), dtype=torch.uint8) > 0
            return scores.masked_fill(~allowed[: scores.shape[-1]], float("-inf"))

        with torch.inference_mode():
            answer = model.generate(
                **ids, do_sample=False, max_new_tokens=512, logits_processor=[constrain],
                pad_token_id=tokenizer.eos_token_id,
            )  # fmt: skip
        return json.loads(tokenizer.decode(answer[0, begun:], skip_special_tokens=True))

    return plan, passes


def _count(model: Any) -> list[int]:
    passes: list[int] = []
    model.register_forward_pre_hook(lambda *_: passes.append(1))
    return passes
