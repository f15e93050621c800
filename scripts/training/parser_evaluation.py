"""How many commands the parser turns into exactly the right plan, by kind, and what its errors look like.

Goes through the product's own engine and grammar. Free text is compared without case and leading articles, everything
else exactly.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

Plan = list[dict[str, Any]]
FREE = {"prompt", "target", "content", "where"}


def fold(value: object) -> object:
    """Free text without case and leading articles."""
    if not isinstance(value, str):
        return value
    return re.sub(r"^(a|an|the)\s+", "", value.lower())


def normalise(plan: Plan) -> Plan:
    """A plan whose free text is folded; whole numbers are integers."""
    return [
        {
            name: fold(value)
            if name in FREE
            else int(value)
            if isinstance(value, float) and value.is_integer()
            else value
            for name, value in operation.items()
        }
        for operation in plan
    ]


def name_error(wanted: Plan, given: Plan) -> str:
    """One short name for the first difference: `none -> generate`, `rotate.degrees`, `missing text`."""
    wanted, given = normalise(wanted), normalise(given)
    if not wanted:
        return f"none -> {given[0]['op']}"
    if not given:
        return f"{wanted[0]['op']} -> none"
    ops_wanted, ops_given = [o["op"] for o in wanted], [o["op"] for o in given]
    if ops_wanted != ops_given:
        missing, extra = Counter(ops_wanted) - Counter(ops_given), Counter(ops_given) - Counter(ops_wanted)
        parts = [f"missing {op}" for op in sorted(missing)] + [f"extra {op}" for op in sorted(extra)]
        return ", ".join(parts) or "order"
    for left, right in zip(wanted, given, strict=True):
        for name in [*left, *right]:
            if left.get(name) != right.get(name):
                return f"{left['op']}.{name}"
    return "none"


def read_commands(file: Path) -> list[dict[str, Any]]:
    """The lines of a file of commands: command, operations, kind."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def measure(commands: list[dict[str, Any]], parse: Any, verbose: bool = True) -> dict[str, Any]:
    """Run all commands through `parse(command) -> plan`; print errors; return the figures."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    seconds: list[float] = []
    for line in commands:
        began = time.perf_counter()
        given = parse(line["command"])
        seconds.append(time.perf_counter() - began)
        total[line["kind"]] += 1
        if normalise(given) == normalise(line["operations"]):
            right[line["kind"]] += 1
            continue
        errors[name_error(line["operations"], given)] += 1
        if verbose:
            print(
                f"[{line['kind']}] {line['command']}\n    wanted {json.dumps(line['operations'])}\n"
                f"    given  {json.dumps(given)}",
                flush=True,
            )
    ordered = sorted(seconds)
    return {
        "right": sum(right.values()),
        "total": sum(total.values()),
        "share": round(sum(right.values()) / max(1, sum(total.values())), 4),
        "kinds": {kind: [right[kind], total[kind]] for kind in total},
        "errors": errors.most_common(10),
        "seconds_median": round(ordered[len(ordered) // 2], 3) if ordered else None,
        "seconds_p95": round(ordered[int(len(ordered) * 0.95)], 3) if ordered else None,
    }
