"""Prepares written text for a voice: cleans it, and cuts it into sentences that are spoken one by one.

    for sentence in split_sentences("Dr. Who came. It was 3.5 m!"):  # "Dr Who came.", "It was 3.5 m!"
        ...

Rules rather than a library: of those there are, one takes "Yes." for an abbreviation, another waits for a capital
letter, others read dictionaries, and none bounds how long a sentence gets. It knows no voice.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 300
"""Characters of the longest piece: a voice's memory grows with the square of it, and nobody waits that long."""

# A dot that ends no sentence is dropped, because the phonemiser takes it for the end of one and pauses there.
_TITLE = re.compile(r"\b(Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|approx|e\.g|i\.e|cf|Nr|Hr|Fr|Mme|Mlle)\.(?=\s+\S)")
_NUMBERED = re.compile(r"\b(No|Nos|Fig|Vol|pp|p|ca)\.(?=\s*\d)", re.IGNORECASE)
_INITIAL = re.compile(r"\b([A-HJ-Z])\.(?=\s+[A-Z])")
_SPELT = re.compile(r"\b(?:[A-Z]\.){2,}")

_ENDING = re.compile(
    r"""(?<=[.!?…؟।॥])["'”’»)\]]*\s+   # an end in scripts with spaces
      | (?<=[。！？])[”’」』）]*\s*        # and in those without
      | \s*\n\s*\n\s*                    # a blank line
    """,
    re.VERBOSE,
)
_PAUSES = (re.compile(r"[;:–—][ \n]|[；：]"), re.compile(r",[ \n]|[，、،]"), re.compile(r"\s"))
_MARKUP = re.compile(r"^\s{0,3}#{1,6}\s+|(?<!\w)[*_`~]+(?=\w)|(?<=[\w.,!?])[*_`~]+(?!\w)", re.MULTILINE)


def split_sentences(text: str) -> list[str]:
    """Return ``text`` as pieces of at most `LONGEST` characters that can be spoken one after the other.

    >>> split_sentences("Dr. Who came. It was 3.5 m! Good?")
    ['Dr Who came.', 'It was 3.5 m!', 'Good?']
    """
    text = _clean(text)
    cut: list[str] = []
    start = 0
    for ending in _ENDING.finditer(text):
        cut.append(text[start : ending.end()])
        start = ending.end()
    cut.append(text[start:])
    pieces = (piece.strip() for sentence in cut for piece in _shorten(sentence))
    return [piece for piece in pieces if piece]


def _clean(text: str) -> str:
    # Lone surrogates cannot be encoded, control characters end C strings, and "[[" would start raw phonemes.
    text = text.encode("utf-8", "ignore").decode()
    text = "".join(c for c in text.replace("\t", " ") if c == "\n" or unicodedata.category(c) != "Cc")
    text = text.replace("\ufeff", "").replace("[[", "[ ").replace("]]", " ]")
    text = _MARKUP.sub("", text)
    text = _TITLE.sub(lambda found: found[1].replace(".", ""), text)
    text = _NUMBERED.sub(r"\1", text)
    text = _SPELT.sub(lambda found: found[0].replace(".", " ").rstrip() + ("." if _ends(text, found) else ""), text)
    return _INITIAL.sub(r"\1", text)


def _ends(text: str, found: re.Match[str]) -> bool:
    """Whether letters with dots end the text or a paragraph, so that the last dot is a full stop too."""
    rest = text[found.end() :]
    return not rest.strip() or rest.startswith("\n")


def _shorten(sentence: str) -> list[str]:
    """Cut an endless sentence at a pause, else at a space, else anywhere."""
    pieces: list[str] = []
    while len(sentence.strip()) > LONGEST:
        head = sentence[:LONGEST]
        places = (max((found.end() for found in pause.finditer(head)), default=0) for pause in _PAUSES)
        place = next((place for place in places if place > LONGEST // 3), LONGEST)
        pieces.append(sentence[:place])
        sentence = sentence[place:]
    return [*pieces, sentence]
