"""The command parser's training: a LoRA adapter on a small language model, on pairs that are drawn as it goes.

The prompt is the template with the command in it; the loss is on the plan and its end token only, and logits are
computed
for those positions alone. Batches hold sequences of like length. The learning rate follows the share of the time budget
that is used, so a run ends where its time ends. Knows nothing of what the sentences mean.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from scripts.training.checkpoints import read_checkpoint, write_checkpoint
from scripts.training.commands import draw_pairs
from scripts.training.optimisation import Optimiser

TEMPLATE = "Command: {command}\nPlan:\n"
POOL = 1600
Example = tuple[list[int], list[int]]


@dataclass(frozen=True)
class Recipe:
    """What a run is made of. `tokens` is the padded size of a batch; `minutes` the whole budget, resumed time
    included. `blend` (0..1) is the share of the new weights in the finished adapter, the rest being those of `start`:
    the mean of the two forgets less than the end of the run does."""

    base: Path
    out: Path
    work: Path
    minutes: float
    seed: int = 1
    rank: int = 24
    rate: float = 1e-3
    tokens: int = 1024
    threads: int = 1
    device: str = "auto"
    data: Path | None = None
    start: Path | None = None
    blend: float = 1.0


def encode(tokenizer: Any, command: str, plan: str) -> Example:
    """Token numbers of the prompt and of the plan with its end token."""
    prompt = tokenizer(TEMPLATE.replace("{command}", " ".join(command.split())))["input_ids"]
    return prompt, [*tokenizer(plan, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]


def cut_batches(examples: list[Example], tokens: int, rng: random.Random) -> list[list[list[Example]]]:
    """Steps in random order, each of three batches: a short, a middling and a long one, `tokens` in all when padded.

    Sequences of a batch have like lengths, which saves padding; but short ones say other things (most that are no
    edit), so a step of one length alone would pull the model to and fro.
    """
    tokens //= 3
    ordered = sorted(examples, key=lambda example: len(example[0]) + len(example[1]))
    batches: list[list[Example]] = [[]]
    for example in ordered:
        length = len(example[0]) + len(example[1])
        if batches[-1] and length * (len(batches[-1]) + 1) > tokens:
            batches.append([])
        batches[-1].append(example)
    third = len(batches) // 3
    thirds = [batches[:third], batches[third : 2 * third], batches[2 * third : 3 * third]]
    for part in thirds:
        rng.shuffle(part)
    return [list(step) for step in zip(*thirds, strict=True)]


def draw_pool(recipe: Recipe, index: int, excluded: frozenset[str]) -> list[tuple[str, str]]:
    """The pairs of one pool: new ones each time, or a stretch of the data file."""
    if recipe.data is None:
        return draw_pairs(recipe.seed * 100_003 + index, POOL, excluded)
    lines = [json.loads(line) for line in recipe.data.read_text(encoding="utf-8").splitlines()]
    start = index * POOL % max(1, len(lines))
    return [(line["command"], line["plan"]) for line in (lines + lines)[start : start + POOL]]


def weigh(length: int) -> list[float]:
    """The weights of a plan's tokens: one over the root of the length, since a plan is right or wrong as a whole.

    The second token, which says whether there is any edit at all, weighs four times as much: everything else about a
    sentence is learnt long before this one choice otherwise.
    """
    weights = [length**-0.5] * length
    weights[1] *= 4
    return weights


def stack(batch: list[Example], device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs (batch, length), where the plan is predicted (same shape, bool), targets and weights there (flat)."""
    length = max(len(prompt) + len(plan) for prompt, plan in batch) - 1
    inputs = torch.zeros(len(batch), length, dtype=torch.long)
    where = torch.zeros(len(batch), length, dtype=torch.bool)
    targets: list[int] = []
    weights: list[float] = []
    for row, (prompt, plan) in enumerate(batch):
        whole = [*prompt, *plan][:-1]
        inputs[row, : len(whole)] = torch.tensor(whole)
        where[row, len(prompt) - 1 : len(whole)] = True
        targets += plan
        weights += weigh(len(plan))
    flat = torch.tensor(targets, device=device), torch.tensor(weights, device=device)
    return inputs.to(device), where.to(device), *flat


def measure_loss(model: Any, batch: list[Example], device: torch.device) -> tuple[torch.Tensor, float]:
    """The weighted sum of the cross-entropy of a batch's plan tokens, and the sum of the weights.

    No attention mask: padding stands behind the plan, where causal attention never looks from it.
    """
    inputs, where, targets, weights = stack(batch, device)
    inner = model.get_base_model()
    hidden = inner.model(input_ids=inputs, use_cache=False).last_hidden_state[where]
    losses = torch.nn.functional.cross_entropy(inner.lm_head(hidden).float(), targets, reduction="none")
    return (losses * weights).sum(), float(weights.sum())


def prepare(recipe: Recipe, device: torch.device) -> tuple[Any, Any]:
    """Base and tokenizer from a local folder, with a new adapter or the one of `recipe.start`, in bfloat16."""
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(recipe.base, local_files_only=True)
    # Plain attention: on short sequences its backward pass is several times faster on a processor than the fused one.
    base = AutoModelForCausalLM.from_pretrained(
        recipe.base, dtype=torch.bfloat16, local_files_only=True, use_safetensors=True, attn_implementation="eager"
    )
    if recipe.start is not None:
        model = PeftModel.from_pretrained(base, str(recipe.start), is_trainable=True)
    else:
        config = LoraConfig(
            r=recipe.rank,
            lora_alpha=2 * recipe.rank,
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        model = get_peft_model(base, config)
    for parameter in model.parameters():
        if parameter.requires_grad:  # peft keeps adapters in float32, which makes every product a slow mixed one
            parameter.data = parameter.data.to(torch.bfloat16)
    return model.to(device).train(), tokenizer


def save_adapter(model: Any, out: Path) -> None:
    """The adapter in peft's files, without this machine's paths, and the prompt beside it."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:  # peft would overwrite the model card
        model.save_pretrained(folder, save_embedding_layers=False)
        (Path(folder) / "adapter_model.safetensors").replace(out / "adapter_model.safetensors")
        config = json.loads((Path(folder) / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "smollm2-135m-instruct"
    config["target_modules"] = sorted(config["target_modules"])  # a set: its order would change every time
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (out / "prompt.json").write_text(json.dumps({"template": TEMPLATE}, indent=2) + "\n")


def blend(model: Any, origin: dict[str, torch.Tensor], share: float) -> None:
    """Draw the trained weights towards where they started: `share` of the new, the rest of `origin`."""
    for name, weight in model.named_parameters():
        if name in origin:
            weight.data = torch.lerp(origin[name].float(), weight.data.float(), share).to(weight.dtype)


def steps(
    recipe: Recipe, tokenizer: Any, pool: int, excluded: frozenset[str]
) -> Iterator[tuple[int, list[list[Example]]]]:
    """Steps without end, from the given pool on, each with its pool's number."""
    while True:
        rng = random.Random(recipe.seed * 7919 + pool)
        examples = [encode(tokenizer, *pair) for pair in draw_pool(recipe, pool, excluded)]
        for step in cut_batches(examples, recipe.tokens, rng):
            yield pool, step
        pool += 1


def train(recipe: Recipe, excluded: frozenset[str]) -> None:
    """Train until the budget is used; go on from the checkpoint in `recipe.work` if there is one."""
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    chosen = recipe.device if recipe.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(chosen)
    model, tokenizer = prepare(recipe, device)
    origin = {name: weight.detach().clone() for name, weight in model.named_parameters() if weight.requires_grad}
    optimiser = Optimiser({"adapter": model}, rate=recipe.rate)
    step, pool, used = 0, 0, 0.0
    if found := read_checkpoint(recipe.work, "parser"):
        tensors, facts = found
        step, pool, used = int(facts["step"]), int(facts["pool"]) + 1, facts["seconds"]
        optimiser.restore(tensors, step)
        print(f"going on from step {step}", flush=True)
    check = [encode(tokenizer, *pair) for pair in draw_pairs(recipe.seed + 987_654_321, 64, excluded)]
    budget, last = recipe.minutes * 60, time.monotonic()
    seen, losses, saved = 0, [], used
    for pool, parts in steps(recipe, tokenizer, pool, excluded):  # noqa: B020 - the generator starts from it
        whole = sum(sum(weigh(len(plan))) for batch in parts for _, plan in batch)
        for batch in parts:
            loss, _ = measure_loss(model, batch, device)
            (loss / whole).backward()
            losses.append(float(loss.detach()) / whole * len(parts))
            seen += len(batch)
        optimiser.step(progress=used / budget, warmup=40, hold=0.25)
        step += 1
        used, last = used + time.monotonic() - last, time.monotonic()
        over = used >= budget
        if step % 20 == 0 or over:
            print(
                f"step {step} pool {pool} pairs {seen} loss {sum(losses) / len(losses):.4f} minutes {used / 60:.1f}",
                flush=True,
            )
            losses = []
        if used - saved > 240 or over:
            with torch.no_grad():
                held_out = [measure_loss(model, check[i : i + 16], device) for i in range(0, len(check), 16)]
            mean = sum(float(loss) for loss, _ in held_out) / sum(weight for _, weight in held_out)
            print(f"held-out loss {mean:.4f}", flush=True)
            write_checkpoint(recipe.work, "parser", optimiser.state(), {"step": step, "pool": pool, "seconds": used})
            if over and recipe.start is not None:
                blend(model, origin, recipe.blend)
            save_adapter(model, recipe.out)
            saved = used
        if over:
            return
