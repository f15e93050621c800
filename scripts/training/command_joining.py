"""Clauses joined into what one person says: connectives, politeness, questions.

Knows nothing of what the clauses mean.
"""

from __future__ import annotations

import random

from scripts.training.command_clauses import Clause

_LINKS = """ and | and | and | and | then | and then |, then |, and then |, |, |, and |. |. |. Then |. Then, |
 after that | and after that |. After that, | also | and also |, also |. Also |. Also, |
 plus |, plus |; | & |. Next, |. Now |. And |. Finally, | and finally |, next |. Oh and |, oh and | + |
 as well as """.replace("\n", "").split("|")
_BARE_LINKS = (
    " ",
    " ",
    " and ",
    " and ",
    " then ",
    " and then ",
    " after that ",
    " also ",
    " plus ",
    " and also ",
    " next ",
    " okay and ",
    " and uh ",
    " now ",
)
_ASK = """I was wondering if you could |would it be possible to |if it's not too much trouble, |could I ask you to |
I'd be grateful if you could |be so kind as to |when you have a moment, |sorry to bother you, but could you |
it would be great if you could |
I'd appreciate it if you would |is there any chance you could |would you be able to |if you don't mind, please |
may I ask you to |please be a dear and |
I need to |we have to |you must |hello there, would you kindly |good morning, please |if you can, |are you able to |
my request is to |all I want is to |
please |please |please |can you |could you |can you please |could you please |would you |I want you to |
I'd like you to |I would like to |I want to |let's |go ahead and |just |now |
kindly |try to |you should |I need you to |hey, |ok, |ok now |hey tawny, |so |could you maybe |would you please |
will you |maybe |first |alright, |hi, |next |pls |can we |help me |do me a favor and |
it would be nice if you could |I think you should |what if you |now please |then |okay |hello, |hey can you |tawny, |
might you |quickly """.replace("\n", "").split("|")
_ASK_ANY = (
    "hey, ",
    "ok, ",
    "so ",
    "hi, ",
    "well, ",
    "okay ",
    "hmm, ",
    "actually ",
    "alright, ",
    "oh, ",
    "hey tawny, ",
    "hello, ",
    "now ",
    "um, ",
    "right, ",
)
_GERUND = (
    "would you mind {}",
    "how about {}",
    "what about {}",
    "try {}",
    "start by {}",
    "I suggest {}",
    "do you mind {}",
    "consider {}",
)
_ENDS = """ please| please| please|, please|, thanks| thanks| thank you| for me| if you can|, will you|, would you|
 ok| okay| now| right now| quickly| if possible| cheers| a.s.a.p.| that would be great|, thank you very
much| thx| pls| tawny| for me please| when you can| and that's it|, that's all| today| real quick| would be nice|
 at once| my friend| mate""".replace("\n", " ").split("|")


def gerund(verb: str) -> str:
    """`rotate` -> `rotating`."""
    if verb in (
        "flip",
        "crop",
        "trim",
        "put",
        "cut",
        "set",
        "get",
        "blur",
        "swap",
        "drop",
        "rub",
        "dim",
        "strip",
        "stick",
        "scrub",
        "zap",
    ):
        return verb + ("ring" if verb == "blur" else "king"[1:] if verb == "stick" else verb[-1] + "ing")
    if verb.endswith("e") and not verb.endswith("ee"):
        return verb[:-1] + "ing"
    return verb + "ing"


def lower_first(text: str) -> str:
    """The first letter small, unless the word is an abbreviation or `I`."""
    if text[:2] in ("I ", "I'", "B&", "B/", "\x01I"):
        return text
    return text[0].lower() + text[1:]


def upper_first(text: str) -> str:
    """The first letter large, behind a mark too."""
    at = 1 if text[0] == "\x01" else 0
    return text[:at] + text[at : at + 1].upper() + text[at + 1 :]


def say(rng: random.Random, clauses: list[Clause], bare: bool) -> str:
    """Clauses joined into what one person says, with politeness."""
    links = _BARE_LINKS if bare else _LINKS
    fixed = rng.choice(links) if rng.random() < 0.35 else None
    text = ""
    for index, clause in enumerate(clauses):
        piece = clause.text
        if index == 0:
            text = ask(rng, clause)
            continue
        link = fixed or rng.choice(links)
        if "as well as" in link and clause.imperative and clause.operations:
            piece = reshape(piece)
        elif "as well as" in link:
            link = " and "
        if clauses[index - 1].open_end and link in (" ", " + ", " plus ", " & "):
            link = " and "
        if "." in link or "?" in link:
            piece = upper_first(piece) if rng.random() < 0.8 and link == ". " else piece
            if rng.random() < 0.12 and clause.imperative:
                piece = rng.choice(("please ", "can you ", "I want you to ")) + lower_first(piece)
        elif clause.imperative and rng.random() < 0.06:
            piece = rng.choice(("please ", "can you ", "just ", "you could ")) + piece
        text += link + piece
    if not clauses[-1].open_end and rng.random() < 0.16:
        text += rng.choice(_ENDS)
    return text


def reshape(imperative: str) -> str:
    """`rotate it right` -> `rotating it right`."""
    verb, _, rest = imperative.partition(" ")
    return f"{gerund(verb)} {rest}".strip() if verb.isalpha() else imperative


def ask(rng: random.Random, clause: Clause) -> str:
    """The first clause, perhaps asked for politely."""
    roll = rng.random()
    if clause.imperative:
        if roll < 0.26:
            return rng.choice(_ASK) + lower_first(clause.text)
        if roll < 0.295 and clause.operations:
            return rng.choice(_GERUND).format(reshape(lower_first(clause.text)))
        return clause.text
    return rng.choice(_ASK_ANY) + lower_first(clause.text) if roll < 0.12 else clause.text
