"""What the starter inpainter learns to paint: names, the words that mean them, and the renderings to learn from.

Knows nothing of pictures, networks or files.

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
    "bird": Thing(("a bird", "bird", "a red bird", "a small bird"), ("1f426",)),
    "fish": Thing(("a fish", "fish"), ("1f41f",), grounded=False),
    "butterfly": Thing(("a butterfly", "butterfly"), ("1f98b",), grounded=False),
    "duck": Thing(("a duck", "duck"), ("1f986",)),
    "horse": Thing(("a horse", "horse", "a pony"), ("1f40e",)),
    "flowers": Thing(("flowers", "a flower", "some flowers", "a bunch of flowers", "tulips"), ("1f337", "1f33c")),
    "sunflower": Thing(("a sunflower", "sunflower", "a yellow flower", "sunflowers"), ("1f33b",)),
    "tree": Thing(("a tree", "tree", "a green tree", "an oak tree"), ("1f333",)),
    "mushroom": Thing(("a mushroom", "mushroom"), ("1f344",)),
    "cactus": Thing(("a cactus", "cactus"), ("1f335",)),
    "pizza": Thing(("a pizza", "pizza", "a slice of pizza"), ("1f355",)),
    "apple": Thing(("an apple", "apple", "a red apple"), ("1f34e",)),
    "banana": Thing(("a banana", "banana", "bananas"), ("1f34c",)),
    "cake": Thing(("a cake", "cake"), ("1f382",)),
    "burger": Thing(("a burger", "burger", "a hamburger"), ("1f354",)),
    "strawberry": Thing(("a strawberry", "strawberry"), ("1f353",)),
    "house": Thing(("a house", "house", "a cottage", "a small house", "a building"), ("1f3e0",)),
    "castle": Thing(("a castle", "castle", "a palace"), ("1f3f0",)),
    "car": Thing(("a car", "car", "a red car", "an automobile"), ("1f697",)),
    "bus": Thing(("a bus", "bus"), ("1f68c",)),
    "airplane": Thing(("an airplane", "airplane", "a plane"), ("2708-fe0f",), grounded=False),
    "boat": Thing(("a boat", "boat", "a sailing boat", "a ship", "a sailboat"), ("26f5",), grounded=False),
    "rocket": Thing(("a rocket", "rocket", "a spaceship"), ("1f680",), grounded=False),
    "bicycle": Thing(("a bicycle", "bicycle", "a bike"), ("1f6b2",)),
    "cloud": Thing(("a cloud", "cloud"), ("2601-fe0f",), grounded=False),
    "sun": Thing(("the sun", "sun", "a sun"), ("2600-fe0f",), grounded=False),
    "moon": Thing(("the moon", "moon", "a moon"), ("1f319",), grounded=False),
    "rainbow": Thing(("a rainbow", "rainbow"), ("1f308",), grounded=False),
    "snowman": Thing(("a snowman", "snowman"), ("26c4",)),
    "person wearing a hat": Thing(
        (
            "a person wearing a hat",
            "a person with a hat",
            "a man in a hat",
            "a woman wearing a hat",
            "a farmer",
            "a person",
            "a man",
        ),
        ("1f9d1-200d-1f33e",),
    ),
    "robot": Thing(("a robot", "robot", "an android"), ("1f916",)),
    "hat": Thing(("a hat", "hat", "a top hat", "a black hat"), ("1f3a9",)),
    "crown": Thing(("a crown", "crown"), ("1f451",)),
    "chair": Thing(("a chair", "chair"), ("1fa91",)),
    "sofa": Thing(("a sofa", "sofa", "a couch"), ("1f6cb-fe0f",)),
    "balloon": Thing(("a balloon", "balloon", "a red balloon"), ("1f388",), grounded=False),
    "heart": Thing(("a heart", "heart", "a red heart", "love"), ("2764-fe0f",), grounded=False),
    "star": Thing(("a star", "star", "a yellow star"), ("2b50",), grounded=False),
}
"""Objects, each painted from a rendering."""

UNTAUGHT: tuple[str, ...] = ("duck", "horse", "bicycle")
"""Things with a rendering that the shipped weights have not been taught."""

PAINTED: tuple[str, ...] = tuple(name for name in THINGS if name not in UNTAUGHT)
"""The things that are trained, and the model card's list: what one core can teach in three hours."""

ASKED: dict[str, tuple[str, ...]] = {
    "animals": ("a dog", "a cat", "a bird", "a fish", "a butterfly", "a horse"),
    "food": ("a pizza", "an apple", "a banana", "a cake", "a burger", "a strawberry"),
    "plants": ("flowers", "a sunflower", "a tree", "a mushroom", "a cactus"),
    "vehicles": ("a car", "a bus", "an airplane", "a boat", "a rocket", "a bicycle"),
    "buildings": ("a house", "a castle"),
    "weather": ("a cloud", "the sun", "the moon", "a rainbow", "a snowman"),
    "people": ("a person wearing a hat", "a person", "a robot"),
    "hats": ("a hat", "a crown"),
    "furniture": ("a chair", "a sofa"),
    "shapes": ("a balloon", "a heart", "a star"),
}
"""The fixed list of forty prompts that the model is judged by, taught or not: it does not follow PAINTED."""

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
