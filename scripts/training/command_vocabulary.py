"""Words that spoken edits are about: things, what is said of them, styles, colours, names.

Knows no phrasing and no operation; it only draws noun phrases. Everything takes a `random.Random`, so a seed gives the
same words again. A noun phrase that is to be added keeps its article, one that is to be found loses it.
"""

from __future__ import annotations

import random

from scripts.training.command_lookalikes import lookalike


def split(words: str) -> list[str]:
    """The items of a `|` separated list that is broken over lines."""
    return [" ".join(item.split()) for item in words.split("|")]


def listed(words: str) -> list[str]:
    """The words of a list that is broken over lines."""
    return words.split()


ANIMALS = listed("""dog cat puppy kitten horse cow sheep goat pig chicken duck goose swan owl eagle parrot penguin
pigeon seagull
crow robin flamingo peacock rabbit fox wolf bear panda koala kangaroo lion tiger leopard elephant giraffe zebra
hippo rhino monkey gorilla deer moose squirrel hedgehog raccoon beaver otter seal dolphin whale shark octopus
jellyfish crab lobster turtle frog lizard snake crocodile dinosaur dragon unicorn butterfly bee ladybug
dragonfly spider snail hamster mouse donkey camel llama bat hummingbird goldfish tortoise ferret husky bulldog
poodle dachshund labrador phoenix starfish""")
PEOPLE = listed("""man woman boy girl baby child kid person teenager couple dancer clown cowboy pirate knight wizard
witch ninja
robot astronaut chef firefighter nurse surfer skateboarder cyclist runner musician violinist soldier king queen
princess mermaid zombie ghost vampire alien snowman scarecrow tourist photographer farmer fisherman ballerina
viking monk superhero bride groom grandmother waiter jogger stranger pedestrian biker samurai fairy elf angel
spaceman policeman lifeguard""")
THINGS = listed("""car truck bus taxi bicycle motorcycle scooter train tram boat sailboat ship canoe kayak plane
airplane
helicopter rocket spaceship satellite drone balloon kite parachute umbrella bench chair sofa table desk lamp bed
bookshelf clock mirror vase candle pillow rug curtain window door fence gate bridge tower castle house cottage
cabin tent barn lighthouse windmill skyscraper church temple pyramid statue fountain tree bush palm cactus
flower rose tulip sunflower daisy mushroom leaf rock boulder mountain hill volcano waterfall river lake pond
island beach cliff cave path road sign lamppost mailbox phone laptop computer keyboard television camera guitar
piano violin drum trumpet microphone book newspaper magazine pen pencil bottle cup mug glass plate bowl fork
spoon knife teapot kettle cake cupcake donut cookie pizza burger sandwich hotdog taco apple banana orange lemon
strawberry pineapple watermelon cherry pumpkin carrot tomato basket box backpack suitcase handbag wallet hat cap
crown helmet scarf tie necklace ring watch shirt dress jacket coat skirt boot shoe sneaker glove sock mask wig
ladder hammer bucket broom key lock flag banner poster painting ball football basketball tennis teddy doll toy
puzzle dice trophy medal present ribbon star moon sun planet comet cloud rainbow snowflake campfire fireplace
lantern chandelier streetlight billboard swing slide hammock wheelbarrow tractor crane anchor barrel treasure
sword shield bow cannon throne telescope globe hourglass compass typewriter gramophone jukebox neon snowboard
surfboard skateboard canvas cable wire pole trashcan bin puddle footprint shadow reflection logo watermark stain
scratch wrinkle tattoo moustache beard ponytail cape halo wing tail horn carriage trampoline treehouse
greenhouse pagoda totem igloo carousel hydrant antenna chimney balcony staircase pillar archway""")
COMPOUNDS = """hot air balloon|fire truck|police car|school bus|cup of coffee|glass of wine|bottle of water|
bowl of fruit|plate
of cookies|slice of pizza|bunch of bananas|pile of leaves|stack of books|bouquet of roses|birthday
cake|christmas tree| beach umbrella|beach ball|picnic basket|street lamp|traffic light|stop sign|park
bench|swimming pool|palm tree|pine tree|cherry tree|rubber duck|teddy bear|golden retriever|polar bear|sports
car|vintage car|pickup truck|motor boat|steam train|space shuttle| flying saucer|disco ball|snow globe|santa
hat|top hat|party hat|bow tie|baseball cap|wedding dress|leather jacket|coffee cup| coffee mug|tea cup|wine
glass|flower pot|potted plant|ice cream|ice cream cone|soccer ball|tennis racket|rocking chair|grand piano|
electric guitar|power line|telephone pole|garbage can|trash can|shopping cart|wooden crate|treasure chest|pirate
ship|cruise ship| full moon|shooting star|speech bubble|price tag|exit sign|date stamp|lens flare|dust
spot|power cable|parking meter|city skyline| mountain range|sandy beach|rope bridge|wooden dock|stone wall|brick
wall|garden gnome|wind turbine|solar panel|fishing rod|name badge|coat of arms|jack-o'-lantern|hot dog
stand|lemonade stand|ferris wheel|roller coaster|phone booth|fire hydrant|welcome mat|picture frame|window
sill|table lamp|paper plane|message in a bottle|bird bath|bird house|dog house|vending machine"""
MASS = listed("""snow rain fog mist smoke fire lightning grass sand water ice dust steam sunlight moonlight moss ivy
confetti
glitter graffiti frost mud hay lava rust bubbles leaves flowers sparks fireworks clouds stars sunglasses glasses
headphones pants jeans wings balloons birds flames petals raindrops snowflakes fairy-lights sunbeams furniture
popcorn bread cheese spaghetti""")
SHORT_MASS = listed(
    """heavy thick light dense falling drifting some some some some more a-little a-bit-of lots-of plenty-of"""
)
ADJECTIVES = listed("""red blue green yellow orange purple pink white black brown golden silver grey gray turquoise
big small large
tiny huge giant little tall short long old new ancient vintage modern antique rusty shiny sparkling glowing
wooden plastic metal glass stone marble leather fluffy furry hairy smooth striped spotted colourful colorful
bright dark pale cute ugly scary friendly happy sad angry sleepy sleeping flying jumping running dancing smiling
laughing crying beautiful pretty elegant fancy simple round square broken cracked dirty clean wet dry snowy
frozen burning melting floating steaming fresh ripe rotten empty full open closed medieval futuristic japanese
mexican french italian christmas tropical wild tame baby fat skinny muscular young bald blonde bearded
transparent realistic cartoon tiny-little really-big bright-red dark-blue light-green very-old hand-painted
half-eaten soft majestic mysterious magical lonely blooming blurry distant sunlit expensive cheap steampunk neon
rainbow-coloured""")
WITH = """a red hat|sunglasses|big ears|a long tail|white spots|blue eyes|a flag|wings|a yellow roof|candles|chocolate
sauce| a big smile|a broken wheel|lots of windows|green leaves|a scarf|stripes|a handle|a wooden
frame|headphones|steam coming out|no leaves|a ribbon around it|long hair|a beard|an umbrella|a backpack|a
fishing rod|two legs|a lid|sprinkles|a star on top"""
DOING = """wearing a hat|wearing sunglasses|wearing a red scarf|wearing a crown|holding a balloon|holding an
umbrella|holding a sign|riding a bike|riding a horse|riding a skateboard|playing guitar|playing the
piano|reading a book|drinking coffee|eating an apple|eating ice cream|chasing a ball|catching a fish|looking at
the camera|looking up|waving|smiling|sleeping|jumping|running| dancing|flying a kite|taking a selfie|in a
tuxedo|in a spacesuit|in a blue dress|in a suit|dressed as a pirate|with a red hat|with sunglasses|with long
hair|with wings|with a sword|with a camera|carrying a box|sitting cross-legged|doing a handstand|in a red
coat|in a white shirt|in a long dress|in a green uniform|in a leather jacket|in swimming trunks|in a
wheelchair|on a bicycle|on a horse|on a skateboard|with a dog|with a guitar|with a stroller"""
NAMED = """the Eiffel Tower|the Statue of Liberty|Big Ben|the Golden Gate Bridge|Santa Claus|Batman|Spiderman|Darth
Vader|Godzilla| King Kong|Mickey Mouse|Pikachu|Sherlock Holmes|Albert Einstein|Mount Fuji|Stonehenge|the Taj
Mahal|the Milky Way|Saturn|the moon|the sun|the northern lights|Frankenstein's monster|the Loch Ness
monster|Bigfoot|the Tower of Pisa|Elvis|a Tesla|a Ferrari|a VW beetle"""
SCENES = """a beach|a sunset|a city street|a forest|a snowy mountain|outer space|a starry night sky|a galaxy|
the desert|a
jungle|a brick wall|a field of flowers|a kitchen|a library|a studio backdrop|plain white|solid black|a blue
gradient|the ocean|a stormy sea|a castle|a wheat field|an alpine meadow|autumn leaves|a night city|new
york|paris|tokyo at night|the moon|mars|a volcano|an office|a living room|a football stadium|a cloudy sky|a
clear blue sky|a thunderstorm|the northern lights|a tropical island|a spaceship interior|a medieval village|a
rainy street|a waterfall|a swimming pool|a park in spring|snow|a frozen lake|a neon alley|a train station|the
grand canyon|an underwater scene|a coral reef|clouds|a rainbow|a misty valley|a lavender field|a cozy cafe|a
palace|a pink wall|green screen|a wooden floor|marble|a cobblestone street|a foggy morning|a golden sunset over
the sea|a night sky full of stars|a dark forest with fireflies|a meadow with cows|a beach at dawn|a purple
nebula"""
STYLES = """watercolor painting|oil painting|pencil sketch|charcoal drawing|cartoon|comic book|anime|pop art|
pixel art|van
gogh painting|monet painting|picasso painting|renaissance painting|impressionist painting|cubist
painting|mosaic|stained glass window|woodcut|linocut|line drawing|ink drawing|pastel drawing|crayon drawing|3d
render|lego set|clay model|claymation|paper cutout| origami|low poly render|vintage photo|old
photograph|polaroid|film noir|movie poster|vaporwave|cyberpunk city|steampunk|art deco poster|art nouveau|gothic
painting|baroque painting|japanese woodblock print|ukiyo-e print|manga|children's book illustration| fairy
tale|fantasy painting|science fiction movie|horror movie|disney movie|pixar movie|studio ghibli film|video
game|8-bit game|minecraft|graffiti|street art|tattoo|embroidery|knitted sweater|blueprint|technical
drawing|chalk drawing|fresco|icon|engraving| postcard|winter scene|summer day|autumn scene|night scene|rainy
day|snowy winter|foggy morning|golden hour|dream|nightmare|sketch|
painting|drawing|caricature|hologram|x-ray|thermal image|surreal painting|abstract painting|marble statue|neon
sign|risograph| doodle|silhouette|gouache painting|acrylic painting|colored pencil drawing|storybook
illustration|retro poster|synthwave album cover|1950s advertisement|daguerreotype|noir comic|wes anderson
film|rembrandt|cave painting|collage|patchwork quilt"""
BARE_STYLES = """stained glass|lego|minecraft|origami|graffiti|film noir|pixel art|pop art|watercolor|embroidery|
street art|claymation|marble|
autumn|winter|summer|spring|night|night time|sunset|dawn|a rainy day|christmas|the 1980s|the future|candy|paper|
line art|concept art|anime|manga|
chalk on a blackboard|crayon|charcoal|papercraft|felt|wood|gold|ice|halloween|an old vhs tape|an album cover"""
STYLE_WORDS = """anime|cyberpunk|vintage|retro|steampunk|gothic|impressionist|minimalist|futuristic|medieval|surreal|
psychedelic|
cartoonish|noir|vaporwave|baroque|cubist|pop art|pixel art|watercolor|ghibli|pixar|manga|comic book|art
deco|victorian|dreamy| spooky|magical|wintry|autumnal|post-apocalyptic|hand-drawn|abstract|ukiyo-e|film noir|oil
paint|low poly|lego|synthwave"""
ARTISTS = """Van Gogh|Monet|Picasso|Rembrandt|Salvador Dali|Frida Kahlo|Banksy|Hokusai|Andy
Warhol|Klimt|Vermeer|Matisse|Edward Hopper|Studio Ghibli|Pixar|Wes Anderson|Tim Burton|Roy Lichtenstein|Bob
Ross|Jackson Pollock|Turner|Caravaggio|Da Vinci"""
COLORS = listed("""red blue green yellow orange purple pink white black brown gold silver gray grey cyan magenta teal
navy maroon olive
lime aqua beige ivory turquoise violet indigo crimson coral salmon khaki lavender plum orchid tan tomato chocolate""")
SPOKEN_COLORS = {
    "light blue": "lightblue",
    "dark blue": "darkblue",
    "light green": "lightgreen",
    "dark green": "darkgreen",
    "light gray": "lightgray",
    "light grey": "lightgrey",
    "dark gray": "darkgray",
    "dark grey": "darkgrey",
    "dark red": "darkred",
    "light pink": "lightpink",
    "hot pink": "hotpink",
    "deep pink": "deeppink",
    "sky blue": "skyblue",
    "royal blue": "royalblue",
    "navy blue": "navy",
    "steel blue": "steelblue",
    "midnight blue": "midnightblue",
    "forest green": "forestgreen",
    "lime green": "limegreen",
    "dark orange": "darkorange",
    "light yellow": "lightyellow",
    "slate gray": "slategray",
}
ONSETS = listed("b br c d dr f fl g gl h j k l m n p pl qu r s sk st t tr v w z bl ch sh th")
RIMES = listed("a e i o u an el im on ur ax ock iff ent usk ola ini ero umba ette ix ander ovi ake oon")


_COMPOUNDS, _WITH, _DOING = split(COMPOUNDS), split(WITH), split(DOING)
_NAMED, _SCENES, _STYLES, _STYLE_WORDS, _ARTISTS = (split(w) for w in (NAMED, SCENES, STYLES, STYLE_WORDS, ARTISTS))
_BARE_STYLES = split(BARE_STYLES)
_IRREGULAR = {
    "man": "men", "woman": "women", "child": "children", "person": "people", "mouse": "mice", "goose": "geese",
    "leaf": "leaves", "knife": "knives", "wolf": "wolves", "sheep": "sheep", "deer": "deer", "shelf": "shelves",
    "fisherman": "fishermen", "policeman": "policemen", "snowman": "snowmen", "spaceman": "spacemen",
}  # fmt: skip


def with_article(phrase: str) -> str:
    """`an owl`, `a dog`."""
    return ("an " if phrase[0].lower() in "aeiou" and not phrase.startswith(("uni", "eu", "one")) else "a ") + phrase


def plural(noun: str) -> str:
    """The plural of an English noun phrase whose last word is the noun."""
    head, _, last = noun.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh", "z")):
        last += "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return f"{head} {last}".strip()


def invented(rng: random.Random) -> str:
    """A made-up word: what nobody has seen must be copied too."""
    return "".join(rng.choice(ONSETS) + rng.choice(RIMES) for _ in range(rng.choice((1, 2, 2, 3))))


def noun(rng: random.Random) -> str:
    """One countable noun without article."""
    kind = rng.random()
    if kind < 0.26:
        return rng.choice(ANIMALS)
    if kind < 0.40:
        return rng.choice(PEOPLE)
    if kind < 0.75:
        return rng.choice(THINGS)
    if kind < 0.87:
        return rng.choice(_COMPOUNDS)
    if kind < 0.97:
        return lookalike(rng)
    return invented(rng)


def adjective(rng: random.Random) -> str:
    """One adjective, now and then two words."""
    return rng.choice(ADJECTIVES).replace("-", " ")


def described(rng: random.Random, plain: float = 0.55) -> str:
    """A noun with zero to two adjectives, no article."""
    roll = rng.random()
    words = [] if roll < plain else [adjective(rng)] if roll < plain + 0.38 else [adjective(rng), adjective(rng)]
    return " ".join([*words, noun(rng)])


def thing(rng: random.Random, plain: float = 0.5) -> str:
    """Something to add, as it is said: `a dog`, `three red kites`, `some fog`, `a man wearing a hat`."""
    kind = rng.random()
    if kind < 0.62:
        phrase = with_article(described(rng, plain))
    elif kind < 0.72:
        number = (
            "two|three|four|five|several|a few|many|some|a couple of|a bunch of|lots of|a group of|a pair of|2|3|10|six"
        )
        phrase = f"{rng.choice(number.split('|'))} {plural(described(rng, 0.7))}"
    elif kind < 0.77:
        phrase = plural(described(rng, 0.6))
    elif kind < 0.88:
        amount = rng.choice(SHORT_MASS).replace("-", " ") + " " if rng.random() < 0.35 else ""
        phrase = amount + rng.choice(MASS).replace("-", " ")
    elif kind < 0.92:
        return rng.choice(_NAMED)
    elif kind < 0.95:
        phrase = rng.choice(("another ", "one more ", "the ", "my ", "an extra ", "one ")) + noun(rng)
    elif kind < 0.97:
        phrase = described(rng, 0.7)
    else:
        if rng.random() < 0.3:
            board = rng.choice(
                ("sign", "poster", "banner", "t-shirt", "billboard", "flag", "neon sign", "board", "note", "shop sign")
            )
            line = rng.choice(
                (
                    "sale",
                    "stop",
                    "closed",
                    "welcome",
                    "hello",
                    "exit",
                    "no entry",
                    "fresh bread",
                    "free",
                    "danger",
                    described(rng),
                )
            )
            link = rng.choice(("that says", "saying", "reading", "with the words", "which reads"))
            return f"{with_article(board)} {link} {line}"
        phrase = with_article(rng.choice(PEOPLE + ANIMALS)) + " " + rng.choice(_DOING)
    if rng.random() < 0.10 and kind < 0.72:
        tail = rng.choice(("with " + rng.choice(_WITH), "made of " + rng.choice(("glass", "gold", "ice", "wood",
        "lego")),
                           "full of " + plural(rng.choice(THINGS)), rng.choice(_DOING)))  # fmt: skip
        phrase += " " + tail
    return phrase


def scene(rng: random.Random) -> str:
    """What a background or a sky may become."""
    return rng.choice(_SCENES)


def style(rng: random.Random) -> str:
    """A look as a noun, without article."""
    made = rng.random() < 0.15
    if rng.random() < 0.07:
        origin = rng.choice(
            ("scene", "still", "page", "frame", "picture", "photo", "illustration", "screenshot", "poster")
        )
        source = rng.choice(
            (
                "a silent movie",
                "a history book",
                "the 1970s",
                "the 19th century",
                "a school yearbook",
                "a sci-fi movie",
                "an old newspaper",
                "a fashion magazine",
                "a spy film",
                "a musical",
                "a kids book",
                "a nature documentary",
                "the fifties",
                "a video game",
            )
        )
        return f"{origin} from {source}"
    return f"{adjective(rng)} {rng.choice(_STYLES)}" if made else rng.choice(_STYLES)


def bare_style(rng: random.Random) -> str:
    """A look as a noun that is said without an article of its own, or always with one."""
    return rng.choice(_BARE_STYLES)


def style_word(rng: random.Random) -> str:
    """A look as an adjective."""
    return rng.choice(_STYLE_WORDS)


def artist(rng: random.Random) -> str:
    """Somebody with a style."""
    return rng.choice(_ARTISTS)


def color(rng: random.Random) -> tuple[str, str]:
    """What is said and the CSS name (or #rrggbb) that it means."""
    kind = rng.random()
    if kind < 0.68:
        name = rng.choice(COLORS)
        return name, name
    if kind < 0.88:
        said = rng.choice(sorted(SPOKEN_COLORS))
        return said, SPOKEN_COLORS[said]
    code = "#" + "".join(rng.choice("0123456789abcdef") for _ in range(6))
    if rng.random() < 0.4:
        code = "#" + "".join(rng.choice(("00", "ff", "88", "cc", "33", "80")) for _ in range(3))
    return (code.upper() if rng.random() < 0.3 else code), code
