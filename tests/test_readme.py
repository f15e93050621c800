"""The README says what is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_operations_is_what_the_classes_say() -> None:
    assert subprocess.run([sys.executable, ROOT / "scripts" / "describe", "--check"]).returncode == 0, (
        "run scripts/describe"
    )


def test_every_script_it_names_is_there_and_can_be_run() -> None:
    names = set(re.findall(r"\./(scripts/\w+)", README))
    assert {"scripts/serve", "scripts/test", "scripts/fetch_models", "scripts/doctor"} <= names
    for name in names:
        assert (ROOT / name).stat().st_mode & 0o111, name


def test_every_file_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_script_has_its_line() -> None:
    told = set(re.findall(r"`(\w+)`", (ROOT / "scripts" / "README.md").read_text(encoding="utf-8")))
    there = {path.name for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix}
    assert there == {name for name in told if (ROOT / "scripts" / name).is_file()}


@pytest.mark.parametrize("page", sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md")))
def test_every_link_of_the_docs_leads_somewhere(page: str) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / page).parent.joinpath(link).exists(), link
