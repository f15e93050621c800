"""What the starter inpainter learns to paint: names, the words that mean them, and the renderings to learn from.

Knows nothing of pictures, networks or files. The list is the model card's list.

>>> THINGS["dog"].captions[0]
'a dog'
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """One named thing.

    `captions`: the words people use for it, the commonest first. `codes`: names (Unicode code points) of the
    renderings placed side by side to make its picture. `grounded`: stands on something, so it casts a shadow.
    `mirrored`: looks right when flipped.
    """

    captions: tuple[str, ...]
    codes: tuple[str, ...]
    grounded: bool = True
    mirrored: bool = True


THINGS: dict[str, Thing] = {
    "dog": Thing(("a dog", "dog", "a puppy", "a cute dog"), ("1f436",)),
    "cat": Thing(("a cat", "cat", "a kitten", "an orange cat"), ("1f431",)),
    "flowers": Thing(("flowers", "a flower", "some flowers", "a bunch of flowers", "tulips"), ("1f337", "1f33c")),
    "sunflower": Thing(("a sunflower", "sunflower", "a yellow flower", "sunflowers"), ("1f33b",)),
    "tree": Thing(("a tree", "tree", "a green tree", "an oak tree"), ("1f333",)),
    "house": Thing(("a house", "house", "a cottage", "a small house", "a building"), ("1f3e0",)),
    "car": Thing(("a car", "car", "a red car", "an automobile"), ("1f697",)),
    "pizza": Thing(("a pizza", "pizza", "a slice of pizza"), ("1f355",)),
    "apple": Thing(("an apple", "apple", "a red apple"), ("1f34e",)),
    "robot": Thing(("a robot", "robot", "an android"), ("1f916",)),
    "hat": Thing(("a hat", "hat", "a top hat", "a black hat"), ("1f3a9",)),
    "person wearing a hat": Thing(
        ("a person wearing a hat", "a person with a hat", "a man in a hat", "a woman wearing a hat", "a farmer"),
        ("1f9d1-200d-1f33e",),
    ),
    "person": Thing(("a person", "person", "a man", "a face", "somebody"), ("1f9d1",)),
    "rainbow": Thing(("a rainbow", "rainbow"), ("1f308",), grounded=False),
    "balloon": Thing(("a balloon", "balloon", "a red balloon"), ("1f388",), grounded=False),
    "heart": Thing(("a heart", "heart", "a red heart", "love"), ("2764-fe0f",), grounded=False),
    "star": Thing(("a star", "star", "a yellow star"), ("2b50",), grounded=False),
    "snowman": Thing(("a snowman", "snowman"), ("26c4",)),
    "rocket": Thing(("a rocket", "rocket", "a spaceship"), ("1f680",), grounded=False),
    "duck": Thing(("a duck", "duck", "a bird"), ("1f986",)),
    "cactus": Thing(("a cactus", "cactus"), ("1f335",)),
    "boat": Thing(("a boat", "boat", "a sailing boat", "a ship", "a sailboat"), ("26f5",)),
    "burger": Thing(("a burger", "burger", "a hamburger"), ("1f354",)),
    "strawberry": Thing(("a strawberry", "strawberry"), ("1f353",)),
}
"""Objects, each painted from a rendering."""

PAINTED: tuple[str, ...] = (
    "dog",
    "cat",
    "flowers",
    "sunflower",
    "tree",
    "house",
    "car",
    "pizza",
    "apple",
    "robot",
    "hat",
    "person wearing a hat",
    "snowman",
    "balloon",
    "heart",
    "star",
)
"""The things that are trained, and the model card's list: what two cores can teach in two hours. A GPU can take all."""

FILLS: dict[str, tuple[str, ...]] = {
    "sunset": ("a sunset", "sunset", "a sunset sky", "a sunrise", "an orange sky"),
    "blue sky": ("a blue sky", "blue sky", "sky", "a sky with clouds", "clouds"),
    "night sky": ("a starry night sky", "night sky", "stars at night", "a night sky", "the moon and stars"),
    "grass": ("grass", "green grass", "a meadow", "a lawn"),
    "water": ("water", "the sea", "a lake", "the ocean"),
}
"""What fills the whole mask, painted by procedure."""

BACKGROUND: tuple[str, ...] = ("", "background", "the background", "nothing", "empty background")
"""Words, the empty prompt among them, for continuing what surrounds the mask."""

ANYTHING: tuple[str, ...] = ("something", "an object", "a thing", "anything")
"""Words for no thing in particular; learnt from all the things, as the unconditional half of guidance."""

SETTINGS: tuple[str, ...] = (
    "{}",
    "{}",
    "{}",
    "{}",
    "{}",
    "add {}",
    "{} in the picture",
    "a photo of {}",
    "the picture of {}",
    "{} here",
)
"""Phrases that a caption may stand in."""
