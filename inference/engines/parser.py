"""Turns a sentence into JSON that a given schema allows: a small causal language model under a grammar.

The schema comes from the caller; nothing here knows what an edit is. Decoding is greedy and constrained by
llguidance: a token the grammar forbids cannot come out, and a token it forces is appended without asking the model.
What is likely to come next (`Drafts`) is read together with what is sure, so that one pass of the model confirms
several tokens; the answer is the one that it would give token by token.
A model with a ``prompt.json`` beside it (``{"template": "...{command}..."}``) was trained for the task and gets only
that; any other instruction model gets its chat template with the caller's examples. `Parser.chat` lets such a model
converse, in JSON of a given schema if asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inference.engine import Engine, Verb, Weights
from inference.engines.drafts import Drafts
from inference.engines.reading import Reader
from inference.engines.wording import Wording, choose_token
from inference.errors import EngineFailed, InvalidRequest, Refused, TooLarge
from inference.events import Step, Wrote
from inference.hardware.device import Device

MAX_COMMAND_TOKENS = 512
MAX_ANSWER_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Written:
    """A model's turn of a conversation. ``finish`` is "length" where its room was used up before its end."""

    text: str
    finish: Literal["stop", "length"]
    prompt_tokens: int
    tokens: int


class Parser(Engine):
    """A causal language model, with a LoRA adapter merged in where the catalogue's row has a base."""

    name = "parser"
    requires = ("torch", "transformers", "llguidance")
    library = "torch"

    def load(self, weights: Weights, device: Device) -> None:
        """Load model and tokenizer from local folders; an adapter is merged into its base."""
        import torch
        from llguidance.hf import from_tokenizer
        from transformers import AutoModelForCausalLM, AutoTokenizer

        folder = weights.base or weights.path
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, device.dtype), local_files_only=True, use_safetensors=True
        )
        if weights.base is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(weights.path)).merge_and_unload()
        self._torch = torch
        self._reader = Reader(model.to(device.torch_name).eval())
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._vocabulary = from_tokenizer(self._tokenizer, n_vocab=int(model.config.vocab_size))
        self._ends = _ends(self._tokenizer, model)
        self._matchers: dict[str, Any] = {}
        self._drafts: tuple[Sequence[tuple[str, str]], Drafts] | None = None
        prompt = weights.path / "prompt.json"
        self._template: str | None = json.loads(prompt.read_text())["template"] if prompt.is_file() else None

    def parse(self, command: str, schema: dict[str, Any], examples: Sequence[tuple[str, str]] = ()) -> Verb[Any]:
        """Return the JSON value that the model gives for ``command``; it satisfies ``schema``.

        ``examples`` are (sentence, JSON) pairs for models that were not trained for this. Raises `TooLarge` for a
        command past 512 tokens, `Refused` for one that makes the model run on without an end.
        """
        prompt = self._prompt(command, examples)
        drafts = self._drafts_of(examples)
        words = drafts.tokens(command)
        if len(words) > MAX_COMMAND_TOKENS:
            raise TooLarge(f"The command is longer than {MAX_COMMAND_TOKENS} tokens; say it in fewer words")
        matcher = self._matcher(schema)
        answer: list[int] = []
        unread, draft, row = self._reader.open(prompt), [], 0
        logits: Any = None
        while not matcher.is_stopped():
            chosen: list[int] = matcher.compute_ff_tokens()
            if not chosen:
                if unread:
                    yield Step(len(answer), MAX_ANSWER_TOKENS)
                    draft, row = drafts.follow(words, answer, matcher), 0
                    logits = self._reader.read(unread + draft, rows=1 + len(draft))
                    unread = []
                chosen = [self._choose(logits[row], matcher)]
            matcher.consume_tokens(chosen)
            if matcher.is_error():
                raise EngineFailed(f"The grammar broke: {matcher.get_error()}")
            answer += chosen
            if len(answer) > MAX_ANSWER_TOKENS:
                raise Refused("The command asks for more than fits into one plan; split it")
            for token in chosen:
                if draft and draft[0] == token:
                    draft, row = draft[1:], row + 1
                else:
                    self._reader.forget(len(draft))
                    draft = []
                    unread.append(token)
        text = self._tokenizer.decode(answer, skip_special_tokens=True)
        return json.loads(text)

    def chat(
        self,
        turns: Sequence[tuple[str, str]],
        *,
        schema: dict[str, Any] | None = None,
        limit: int = MAX_ANSWER_TOKENS,
        temperature: float = 0.0,
        top_p: float = 1.0,
        stop: Sequence[str] = (),
        seed: int = 0,
    ) -> Verb[Written]:
        """Continue a conversation of (role, text) with the assistant's next turn, reported as `Wrote` as it grows.

        At most ``limit`` tokens, which JSON of a ``schema`` may not survive whole. The same ``seed`` draws the same
        words on the same device. Raises `TooLarge` for a conversation past the model's context, `InvalidRequest` for
        roles that its template or a schema that the grammar does not know.
        """
        prompt = self._conversation(turns)
        room = int(self._reader.model.config.max_position_embeddings) - len(prompt)
        if room < 1:
            context = self._reader.model.config.max_position_embeddings
            raise TooLarge(f"The conversation has {len(prompt)} tokens; the model reads {context}", param="messages")
        generator = self._torch.Generator().manual_seed(seed)
        wording = Wording(lambda tokens: str(self._tokenizer.decode(tokens, skip_special_tokens=True)), stop)
        written = 0
        finish: Literal["stop", "length"] = "length"
        for token in self._draw(prompt, schema, temperature, top_p, generator):
            if token is None:
                finish = "stop"
                break
            written += 1
            yield Wrote(wording.add(token))
            if wording.stopped:
                finish = "stop"
                break
            if written >= min(limit, room):
                break
        if rest := wording.close():
            yield Wrote(rest)
        return Written(wording.text, finish, len(prompt), written)

    def _draw(
        self, prompt: list[int], schema: dict[str, Any] | None, temperature: float, top_p: float, generator: Any
    ) -> Iterator[int | None]:
        """Yield the tokens that continue ``prompt``, then None where the model ends by itself."""
        matcher = None if schema is None else self._loose_matcher(schema)
        pending = self._reader.open(prompt)
        while matcher is None or not matcher.is_stopped():
            logits = self._reader.read(pending)[0].float()
            if matcher is not None:
                logits = self._mask(logits, matcher)
            token = choose_token(logits, temperature=temperature, top_p=top_p, generator=generator)
            if token in self._ends:
                break
            if matcher is not None and not matcher.consume_token(token):
                raise EngineFailed(f"The grammar broke: {matcher.get_error()}")
            yield token
            pending = [token]
        yield None

    def _conversation(self, turns: Sequence[tuple[str, str]]) -> list[int]:
        from jinja2 import TemplateError

        try:
            ids: list[int] = self._tokenizer.apply_chat_template(
                [_turn(role, content) for role, content in turns],
                add_generation_prompt=True,
                enable_thinking=False,
                return_dict=True,
            )["input_ids"]
        except TemplateError as error:
            raise InvalidRequest(f"messages: the model's template refuses them: {error}", param="messages") from error
        return ids

    def _loose_matcher(self, schema: dict[str, Any]) -> Any:
        """Return a matcher of JSON as most of it is written, with a space after each comma and colon."""
        from llguidance import LLMatcher

        options: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
        matcher = LLMatcher(self._vocabulary, LLMatcher.grammar_from_json_schema(schema, overrides=options))
        if matcher.is_error():
            reason = str(matcher.get_error()).splitlines()[0][:200]
            raise InvalidRequest(f"response_format: the schema cannot be used: {reason}", param="response_format")
        return matcher

    def _choose(self, logits: Any, matcher: Any) -> int:
        """Return the likeliest token that the grammar allows. Mostly it is the likeliest of all, and no mask needed."""
        token = int(logits.argmax())
        return token if matcher.validate_tokens([token]) == 1 else int(self._mask(logits, matcher).argmax())

    def _drafts_of(self, examples: Sequence[tuple[str, str]]) -> Drafts:
        if self._drafts is None or self._drafts[0] != examples:
            self._drafts = examples, Drafts(self._encode, lambda tokens: str(self._tokenizer.decode(tokens)), examples)
        return self._drafts[1]

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _mask(self, logits: Any, matcher: Any) -> Any:
        """Return ``logits`` with minus infinity where the grammar allows no token."""
        allowed = self._torch.frombuffer(bytearray(matcher.compute_logit_bias()), dtype=self._torch.uint8)
        allowed = allowed[: logits.shape[-1]].to(logits.device) > 0
        return logits.masked_fill(~allowed, float("-inf"))

    def _prompt(self, command: str, examples: Sequence[tuple[str, str]]) -> list[int]:
        command = " ".join(command.split())
        if self._template is not None:
            ids: list[int] = self._tokenizer(self._template.replace("{command}", command))["input_ids"]
            return ids
        turns = [turn for sentence, plan in examples for turn in (_turn("user", sentence), _turn("assistant", plan))]
        chat: list[int] = self._tokenizer.apply_chat_template(
            [*turns, _turn("user", command)],
            add_generation_prompt=True,
            enable_thinking=False,  # Qwen3's template: no reasoning before the answer; others ignore it
            return_dict=True,
        )["input_ids"]
        return chat

    def _matcher(self, schema: dict[str, Any]) -> Any:
        from llguidance import LLMatcher

        key = json.dumps(schema)
        if key not in self._matchers:
            # No white space at all: unbounded, small models loop in it; the adapter was trained on compact JSON.
            options: Any = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
            grammar = LLMatcher.grammar_from_json_schema(schema, overrides=options)
            self._matchers = {key: LLMatcher(self._vocabulary, grammar)}
        matcher = self._matchers[key].deep_copy()
        if matcher.is_error():
            raise EngineFailed(f"The grammar does not compile: {matcher.get_error()}")
        return matcher


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _ends(tokenizer: Any, model: Any) -> frozenset[int]:
    """Return the tokens that end a turn: what the tokenizer and the model's own configuration say."""
    named = [tokenizer.eos_token_id, getattr(model.generation_config, "eos_token_id", None)]
    return frozenset(int(token) for item in named for token in (item if isinstance(item, list) else [item]) if token)
