"""Languages by code and by name."""

from __future__ import annotations

import pytest

from api.languages import LANGUAGES, code_of, name_of


def test_the_languages_are_whispers() -> None:
    tokenizer = pytest.importorskip("faster_whisper.tokenizer")
    assert set(LANGUAGES) == set(tokenizer._LANGUAGE_CODES)


def test_every_name_is_one_languages_and_leads_back() -> None:
    assert [code_of(name_of(code)) for code in LANGUAGES] == list(LANGUAGES)
    assert all(name == name.strip().lower() for name in LANGUAGES.values())


@pytest.mark.parametrize(("given", "code"), [("German", "de"), (" haitian creole", "ht"), ("de", "de"), ("xx", "xx")])
def test_what_is_no_name_stays_as_it_is(given: str, code: str) -> None:
    assert code_of(given) == code
    assert name_of("xx") == "xx"
