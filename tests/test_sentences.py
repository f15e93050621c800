"""Text made ready for a voice: cleaned, and cut into sentences that are short enough."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engines.sentences import LONGEST, split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four… Five", ["One.", "Two!", "Three?", "Four…", "Five"]),
        ("Yes. No. Oh.", ["Yes.", "No.", "Oh."]),
        ("all in small letters. as people type. ok", ["all in small letters.", "as people type.", "ok"]),
        ("Dr. Smith met Mrs. Jones.", ["Dr Smith met Mrs Jones."]),
        ("J. R. R. Tolkien wrote it. I did not.", ["J R R Tolkien wrote it.", "I did not."]),
        ("So do I. Then we went.", ["So do I.", "Then we went."]),
        ("Row No. 5, Fig. 3. No. Never.", ["Row No 5, Fig 3.", "No.", "Never."]),
        ("It is 3.5 m at 10:45. Or $1,234.50!", ["It is 3.5 m at 10:45.", "Or $1,234.50!"]),
        ("The U.S. Army left the U.S.", ["The U S Army left the U S."]),
        ("See https://example.com/a.b?c=d. Good.", ["See https://example.com/a.b?c=d.", "Good."]),
        ('He said "Stop!" and left. (Really.) Yes.', ['He said "Stop!"', "and left.", "(Really.)", "Yes."]),
        ("你好，世界。再见！好吗？", ["你好，世界。", "再见！", "好吗？"]),
        ("नमस्ते दुनिया। फिर मिलेंगे।", ["नमस्ते दुनिया।", "फिर मिलेंगे।"]),
        ("كيف حالك؟ بخير.", ["كيف حالك؟", "بخير."]),
        ("Heading\n\nText goes\non. End", ["Heading", "Text goes\non.", "End"]),
        ("**Bold** and _soft_ and `code`, 2 * 3 and snake_case.", ["Bold and soft and code, 2 * 3 and snake_case."]),
        ("# Title\n\n- item", ["Title", "- item"]),
        ("a\x00b\x07 \ufeffc \ud800d", ["ab c d"]),
        ("[[ h@loU ]] there", ["[  h@loU  ] there"]),
        ("", []),
        (" \n\t ", []),
        ("...", ["..."]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_an_endless_sentence_is_cut_at_a_pause_else_at_a_space_else_anywhere() -> None:
    at_pauses = split_sentences("and so on and on, " * 60)
    assert all(piece.endswith(",") for piece in at_pauses[:-1])
    at_spaces = split_sentences("word " * 300)
    assert {word for piece in at_spaces for word in piece.split()} == {"word"}
    anywhere = split_sentences("a" * 4096)
    assert "".join(anywhere) == "a" * 4096
    for pieces in (at_pauses, at_spaces, anywhere):
        assert max(len(piece) for piece in pieces) <= LONGEST


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=1500))
def test_any_text_is_cut_into_short_pieces_without_losing_a_letter(text: str) -> None:
    pieces = split_sentences(text)
    assert all(0 < len(piece) <= LONGEST for piece in pieces)
    assert all("\x00" not in piece and "[[" not in piece for piece in pieces)
    for piece in pieces:
        piece.encode()
    letters = [c for c in text if unicodedata.category(c).startswith("L")]
    assert [c for piece in pieces for c in piece if unicodedata.category(c).startswith("L")] == letters
