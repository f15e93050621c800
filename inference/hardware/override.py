"""HSA_OVERRIDE_GFX_VERSION: what a worker should get.

The variable makes ROCm believe that a GPU is another target. It is read once, by getenv, when the runtime library
starts: `HSA_OVERRIDE_GFX_VERSION_<KFD node>` before the plain form, and a malformed value leaves the process without
any GPU (ROCR-Runtime, libhsakmt/src/topology.c). AMD calls it an internal debugging aid (ROCm#6034, ROCm#5238). A
wrong one crashes, hangs, resets the GPU or computes garbage; so the rule is to need none:

    torch has the physical target   nothing is set; a spoof left in the environment is taken out and named
    torch lacks it                  the operator's own value is passed on, with a warning; without one the nearest
    target
                                    that torch does have, if the table knows the pair; else the GPU is refused
    nobody knows what torch has     nothing is changed but what is malformed

Whatever comes out, the probe has the last word. One pure function; it reads neither the machine nor the environment.

    decide({1: "gfx1151"}, 1, ("gfx1100", "gfx1151"), {"HSA_OVERRIDE_GFX_VERSION": "11.0.0"}).unset
    # ("HSA_OVERRIDE_GFX_VERSION",)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from inference.hardware import gfx

PLAIN = "HSA_OVERRIDE_GFX_VERSION"

# Physical target -> versions worth trying, nearest first.
NEAREST: dict[str, tuple[str, ...]] = {
    "gfx1151": ("11.0.0",),
    "gfx1150": ("11.0.0",),
    "gfx1152": ("11.5.1", "11.0.0"),
    "gfx1103": ("11.0.0",),
    "gfx1031": ("10.3.0",),
    "gfx1032": ("10.3.0",),
    "gfx1033": ("10.3.0",),
    "gfx1034": ("10.3.0",),
    "gfx1035": ("10.3.0",),
    "gfx1036": ("10.3.0",),
}


@dataclass(frozen=True)
class Override:
    """What to change in a worker's environment, and why.

    `in_force` is the version the GPU will be taken for, None when it is taken for what it is. `refused` means that
    torch has no code for this GPU and no stand-in is known: the GPU must not be used. `warnings` are for the
    operator.
    """

    set: Mapping[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    in_force: str | None = None
    sentence: str = ""
    warnings: tuple[str, ...] = ()
    refused: bool = False


def decide(
    gpus: Mapping[int, str],
    chosen: int,
    built: tuple[str, ...] | None,
    environment: Mapping[str, str],
    *,
    keep: bool = False,
) -> Override:
    """Decide for the GPU at KFD node `chosen`.

    `gpus` maps KFD nodes to physical targets, `built` is torch's list of targets (None: unknown), `environment` the
    operator's. `keep` is the operator's word that a spoof is meant: it is passed on even where none is needed.
    """
    physical = gpus[chosen]
    unset, warnings = _find_broken(gpus, environment)
    numbered = f"{PLAIN}_{chosen}"
    given = next((name for name in (numbered, PLAIN) if name in environment and name not in unset), None)
    own = environment[given] if given else None
    version = gfx.parse_version(own) if own else None
    taken_for = gfx.name_of(version) if version else None
    covered = None if built is None else physical in {gfx.plain_target(name) for name in built}

    def answer(
        sentence: str, warning: str = "", *, spoof: str | None = None, assign: str | None = None, refused: bool = False
    ) -> Override:
        changes = {assign: spoof} if assign and spoof else {}
        told = (*warnings, warning) if warning else tuple(warnings)
        return Override(changes, tuple(name for name in unset if name not in changes), spoof, sentence, told, refused)

    if given and taken_for == physical:
        end = ", although this torch was not built for it" if covered is False else ""
        return answer(f"{given}={own} names what the GPU is, {physical}; it changes nothing and stays{end}")
    if covered and not given:
        return answer(f"no override: torch was built for {physical}")
    if covered and not keep:
        unset += [name for name in (numbered, PLAIN) if name in environment and name not in unset]
        return answer(
            f"no override: torch was built for {physical}; {given}={own}, which passes it off as {taken_for}, is taken "
            "out of the workers' environment",
            f"{given}={own} is a leftover: remove it where it is set, or set TAWNY_KEEP_HSA_OVERRIDE=1 if it is meant",
        )
    if given and own:
        lacking = built is not None and taken_for not in {gfx.plain_target(name) for name in built}
        extra = f"; this torch was not built for {taken_for} either, so it cannot work" if lacking else ""
        return answer(
            f"{given}={own} is the operator's: {physical} is passed off as {taken_for}",
            f"{given}={own} makes a {physical} pass for {taken_for}, which may crash or compute garbage{extra}",
            spoof=own,
        )
    if covered is None:
        return answer("no override: what torch was built for is not known, so the GPU is taken for what it is")
    names = {gfx.plain_target(name) for name in built or ()}
    for candidate in NEAREST.get(physical, ()):
        parsed = gfx.parse_version(candidate)
        if parsed and gfx.name_of(parsed) in names:
            # The plain form would spoof every GPU of the machine; with several, only the numbered one is meant.
            name = PLAIN if len(gpus) == 1 else numbered
            return answer(
                f"{name}={candidate}: torch was not built for {physical}, {gfx.name_of(parsed)} is the nearest it has",
                f"a GPU under another name may crash or compute garbage; better a torch that was built for {physical}",
                spoof=candidate,
                assign=name,
            )
    listed = " ".join(sorted(names)) or "no target at all"
    return answer(f"torch was built for {listed}, not for {physical}, and no stand-in for it is known", refused=True)


def stand_idle(because: str, physical: str | None, environment: Mapping[str, str]) -> Override:
    """Return what is told where the variable plays no part ``because`` of something: nothing changes, but it is named.

    A value that waits in the environment until there is a torch that reads it is a trap, so it is a warning today.
    ``physical`` is the target of the GPU, if there is one; a value that names it is no spoof.
    """
    warnings = []
    for name, value in sorted(environment.items()):
        if name != PLAIN and not name.startswith(f"{PLAIN}_"):
            continue
        version = gfx.parse_version(value)
        if version is None:
            what = f"{name}={value!r} is malformed (not like 11.0.0): ROCm would find no GPU at all"
        elif physical is None:
            what = f"{name}={value} is set"
        elif gfx.name_of(version) != physical:
            what = f"{name}={value} passes a {physical} off as {gfx.name_of(version)}"
        else:
            continue
        warnings.append(f"{what}. It changes nothing now ({because}); unless it is meant, remove it where it is set")
    return Override(sentence=f"no override: {because}", warnings=tuple(warnings))


def _find_broken(gpus: Mapping[int, str], environment: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Names to take out whatever else holds, and a warning for each."""
    unset: list[str] = []
    warnings: list[str] = []
    for name, value in sorted(environment.items()):
        if name != PLAIN and not name.startswith(f"{PLAIN}_"):
            continue
        suffix = name[len(PLAIN) + 1 :]
        if suffix and (not suffix.isdigit() or int(suffix) not in gpus):
            nodes = ", ".join(str(node) for node in gpus)
            unset.append(name)
            warnings.append(f"{name}={value} names no GPU of this machine (KFD nodes: {nodes}) and is taken out")
        elif gfx.parse_version(value) is None:
            unset.append(name)
            warnings.append(
                f"{name}={value!r} is malformed (not like 11.0.0): ROCm would find no GPU at all, so it is taken out"
            )
    return unset, warnings
