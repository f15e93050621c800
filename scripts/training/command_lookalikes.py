"""Things whose names hold the words of edits: a border collie, a crop top, a framed map.

What they name is a thing all the same. Part is a list, part is put together, so that the rule is learnt and not the
list. Knows nothing of sentences.

    name = lookalike(random.Random(1))
"""

from __future__ import annotations

import random

# an edit's word first, then what it makes of it
_FAMILIES = {
    "border": "collie|terrier|guard|patrol car|crossing|town|checkpoint|wall|officer|river|fence|sheepdog|post",
    "crop": "top|circle|duster|field|farmer|sprayer|marks|of corn|of wheat",
    "frame": "house|drum|tent|backpack|maker|shop|saw",
    "mirror": "ball|lake|maze|cabinet|palace|mosaic|carp|telescope",
    "grain": "silo|elevator|truck|sack|mill|barge|field",
    "flip": "phone|chart|flop|book|clock",
    "rotary": "phone|mower|engine|club sign|dial",
    "rotating": "fan|sign|restaurant|globe|door|stage",
    "revolving": "door|stage|chair|restaurant",
    "turning": "wheel|sign|windmill|point sign",
    "text": "book|message bubble|banner|balloon",
    "color": "wheel|chart|palette|television|guard",
    "picture": "frame|book|hook|window|postcard",
    "photo": "booth|album|frame|studio|backdrop",
    "square": "table|window|clock|hat|dance couple|watch|cushion|pizza",
    "canvas": "bag|tent|shoe|chair|sail",
    "extension": "ladder|cord|cable",
    "removal": "van|truck|man",
    "moving": "truck|van|box|train",
    "pixel": "art sword|art cat|phone|heart",
    "sepia": "ink bottle|squid|portrait",
    "negative": "film strip|sign",
    "warm": "blanket|coat|jacket|bowl of soup|campfire",
    "cool": "drink|car|hat|dude|robot|leather jacket|box",
    "dark": "knight|horse|forest|tower|cloud|chocolate bar|elf",
    "light": "bulb|switch|saber|aircraft|box|house|fixture",
    "bright": "lamp|star|lantern|kite|raincoat",
    "sharp": "knife|cliff|tooth|rock|thorn|pencil",
    "soft": "toy|pillow|ice cream|ball",
    "left": "glove|shoe|boot|turn sign|handed guitarist",
    "right": "whale|glove|boot|turn sign",
    "top": "hat|bunk|chef|spinning girl",
    "bottom": "bunk|feeder fish|shelf",
    "center": "court|piece|fielder",
    "half": "moon|pipe|timbered house|eaten sandwich",
    "double": "bass|decker bus|bed|rainbow|door",
    "quarter": "horse|note|back",
    "background": "singer|actor|dancer",
    "foreground": "actor|dancer",
    "gamma": "ray gun|ray telescope",
    "hue": "lamp",
    "contrast": "dye bottle",
    "brightness": "dial",
    "temperature": "gauge",
    "noise": "meter",
    "oil": "lamp|tanker|drum",
    "cartoon": "character|mouse",
    "style": "guide book",
    "black and white": "cat|cow|panda|football|cookie|dog|television",
    "upside down": "cake|boat|car|house",
    "trim": "sailboat|tree",
    "write": "protected disk",
    "tint": "bottle",
    "scale": "model|model ship",
    "transparent": "umbrella|box|raincoat",
    "poster": "that says sale|frame|shop",
}
DONE = """framed cropped rotated flipped mirrored inverted blurred sharpened trimmed tinted pixelated resized
brightened darkened
faded enlarged extended painted restored saturated grayscale blurry replaced shrunken bordered colored"""
THINGS = """photo map poster sweater jacket hedge portrait window statue billboard mountain pyramid drawing sign
moustache car boat figure flag door painting landscape tree dress scarf logo diploma skyscraper bottle pencil
kitchen lawn postcard reflection"""
LAST = """window frame|bed frame|door frame|bike frame|climbing frame|riding crop|wing mirror|rear view mirror|
hand mirror|bathroom mirror|cosmetic mirror|pencil sharpener|knife sharpener|sky diver|film negative|saturated sponge|
thermometer|converter box|autofocus camera|sketch book|watercolor set|fashion shoot|caption board|flower crop|
replacement wheel|warning text|neon text|traffic mirror|bigger boat|smaller fish|sharper knife|brighter lamp|
warmer coat|darker cloud|field of crops|edge of a cliff|format c button|jpeg poster|paper cutout"""
_DONE, _THINGS = DONE.split(), THINGS.split()
_LAST = [" ".join(item.split()) for item in LAST.split("|")]
_WEIGHTS = [3 if word in ("border", "crop", "frame", "mirror") else 1 for word in _FAMILIES]


def lookalike(rng: random.Random) -> str:
    """A singular noun phrase without article that holds the word of an edit."""
    kind = rng.random()
    if kind < 0.62:
        first = rng.choices(list(_FAMILIES), _WEIGHTS)[0]
        return f"{first} {rng.choice(_FAMILIES[first].split('|'))}"
    if kind < 0.82:
        return f"{rng.choice(_DONE)} {rng.choice(_THINGS)}"
    return rng.choice(_LAST)
