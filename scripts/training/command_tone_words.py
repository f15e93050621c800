"""The phrasings of light, colour and sharpness: templates for `command_tones`, one alternative between two bars.

Words only; what they mean and what is filled in is decided there.
"""

from dataclasses import dataclass

from scripts.training.command_clauses import lines

SLIGHT = """a bit|a little|slightly|a tad|a touch|a little bit|somewhat|just a little|just a bit|a smidge|a tiny bit|
ever so
slightly|a hair| just slightly|only a little|just a touch|a wee bit|subtly|gently|a fraction"""
STRONG = """a lot|much|way|far|a whole lot|a great deal|really|significantly|considerably|a
ton|dramatically|strongly|very|very|very very|heavily|super|so much|very much| quite a
lot|loads|massively|majorly|drastically|extremely|lots|tons|hugely"""
ADVERBS = ("subtly", "gently", "strongly", "heavily", "really", "super", "extremely", "ever so slightly", "very")
BEFORE_ONLY = (
    "very",
    "very very",
    "much",
    "way",
    "far",
    "so much",
    "super",
    "really",
    "extremely",
    "lots",
    "tons",
    "loads",
    "a ton",
    "hugely",
)


@dataclass(frozen=True)
class Words:
    """The words of one adjustment: comparatives and verbs up and down, names, what is wrong if too little or too
    much."""

    op: str
    more: tuple[str, ...]
    less: tuple[str, ...]
    raise_: tuple[str, ...]
    lower: tuple[str, ...]
    names: tuple[str, ...]
    too_little: tuple[str, ...]
    too_much: tuple[str, ...]


TABLE = (
    Words(
        "brightness",
        ("brighter", "brighter", "lighter"),
        ("darker", "darker", "dimmer", "less bright"),
        ("brighten {it}", "brighten {it} up", "lighten {it}", "lighten {it} up", "brighten up {it}",
         "light {it} up", "brighten"),
        ("darken {it}", "dim {it}", "darken", "make {it} dark", "dim the {img}", "darken {it} down",
         "tone down the brightness"),
        ("brightness", "brightness", "brightness", "light", "the brightness", "exposure"),
        ("dark", "dark", "dim", "gloomy", "underexposed"),
        ("bright", "bright", "light", "overexposed"),
    ),
    Words(
        "contrast",
        ("more contrasty", "punchier", "more contrasted"),
        ("less contrasty", "less contrasted"),
        ("boost the contrast", "up the contrast", "pump up the contrast", "crank up the contrast",
         "bump the contrast", "strengthen the contrast",
         "give {it} more contrast", "heighten the contrast", "raise the contrast", "enhance the contrast"),
        ("soften the contrast", "flatten the contrast", "tone down the contrast", "cut the contrast",
         "give {it} less contrast",
         "reduce the contrast", "lower the contrast"),
        ("contrast", "contrast", "the contrast"),
        ("flat", "low in contrast"),
        ("contrasty", "harsh"),
    ),
    Words(
        "saturation",
        ("more saturated", "more vivid", "more colorful", "more colourful", "more vibrant"),
        ("less saturated", "less colorful", "less vivid", "duller", "more muted", "less vibrant", "paler"),
        ("saturate {it}", "boost the colors", "boost the colours", "make the colors pop", "saturate the colors",
         "intensify the colors",
         "make the colours more vivid", "enrich the colors", "boost the saturation", "make the colors stronger",
         "liven up the colors"),
        ("desaturate {it}", "mute the colors", "tone down the colors", "tone down the colours", "fade the colors",
         "desaturate the colors",
         "make the colors less intense", "dull the colors", "reduce the saturation"),
        ("saturation", "saturation", "color saturation", "colour", "vibrance", "the saturation", "color intensity"),
        ("dull", "colorless", "pale", "desaturated"),
        ("colorful", "saturated", "colourful", "vivid"),
    ),
    Words(
        "temperature",
        ("warmer", "warmer", "more warm"),
        ("cooler", "colder", "cooler", "less warm"),
        ("warm {it} up", "warm up {it}", "warm up the colors", "give {it} a warmer tone", "add warmth",
         "make the colors warmer", "warm the {img}",
         "make the tones warmer", "warm {it}", "give {it} a warmer look"),
        ("cool {it} down", "cool down {it}", "cool {it}", "make the colors cooler", "make the tones colder",
         "cool the {img} down",
         "give {it} a cooler tone", "give {it} a colder look", "cool it off"),
        ("temperature", "color temperature", "warmth", "colour temperature", "the temperature"),
        ("cold", "cool"),
        ("warm", "warm"),
    ),
    Words(
        "sharpen",
        ("sharper", "crisper", "sharper", "more crisp", "clearer"),
        ("less sharp", "softer"),
        ("sharpen {it}", "sharpen {it} up", "sharpen the {img}", "sharpen up {it}", "sharpen",
         "sharpen the details", "crisp {it} up",
         "increase the sharpness", "sharpen the edges", "make the details crisper", "bring out the details",
         "add sharpness", "make {it} sharp"),
        ("reduce the sharpness", "lower the sharpness", "unsharpen {it}", "turn down the sharpness"),
        ("sharpness", "sharpness", "the sharpness", "sharpening", "detail"),
        ("blurry", "soft", "fuzzy", "unsharp"),
        ("sharp", "crisp"),
    ),
)  # fmt: skip
RAISE = "increase|raise|boost|turn up|bump up|up|crank up|push|add to|step up|ramp up|pull up"
LOWER = "decrease|lower|reduce|turn down|drop|cut|bring down|take down|dial down|tone down|pull down|lessen"
_GRAY = """make {it} black and white|make {it} (grayscale|greyscale|monochrome|gray|grey|B&W)|convert {it} to
(grayscale|greyscale|black and white|monochrome|B&W)|turn {it} (black and white|gray|grey|monochrome|into black
and white|to grayscale|into grayscale|b&w)|black and white|B&W|b&w|grayscale|greyscale|monochrome|desaturate
{it} completely|remove (the|all|all the) (color|colour|colors|colours)|take (the|all the) (color|colour|colors)
out|black & white|I want {it} in black and white|(go|change it to) black and white|{it} in black and white|make
{it} colorless|drain (the|all the) color|get rid of (the|all the) (color|colors)|no color|without color|strip
the color|gray scale|grey scale|(apply|add) a (black and white|grayscale|monochrome|b&w) (filter|effect)|set it
to (grayscale|black and white)|make everything (gray|black and white)|put {it} in black and white|give me {it}
in black and white|bw|B/W|render {it} in black and white"""
_SEPIA = """make {it} sepia|sepia|apply sepia|apply a sepia (filter|tone|effect)|sepia tone|
add (a |)sepia( tone| effect|
filter|)|turn {it} sepia|give {it} a sepia (tone|look|tint|effect)|convert {it} to sepia|sepia filter|make {it}
sepia toned|use sepia|put a sepia filter on {it}|sepia effect|tone {it} sepia|in sepia|I want {it} in
sepia|change {it} to sepia|sepia please|sepia-tone {it}"""
_INVERT = """invert {it}|invert the (colors|colours)|invert|negative|make {it} (a |)negative|invert colors|
turn {it} into a
negative|make a negative of {it}|reverse the (colors|colours)|color inversion|show the negative|invert all (the
|)(colors|colours)|negate the colors|swap the colors to negative|photo negative|inverse the colors|give me the
negative|flip the colors|apply a negative effect|invert every color|inverted colors|create a negative|make {it}
look like a negative|convert {it} to a negative"""
_AUTO = """auto enhance|auto enhance {it}|enhance {it}|auto contrast|autocontrast|fix the contrast
automatically|auto-enhance|auto-enhance {it}|automatically enhance {it}|auto levels|auto fix|fix the
(levels|tones)|adjust the levels|auto adjust {it}|auto contrast {it}|apply auto contrast|do an auto
enhance|enhance automatically|automatic contrast|auto correct {it}|enhance|adjust the (contrast|levels)
automatically| run auto enhance|auto tone|fix {it} automatically|normalize the (contrast|levels)|auto improve
{it}|automatically adjust the contrast|autoenhance|use auto contrast|improve {it} automatically|stretch the
contrast|auto-contrast {it}|auto-contrast|magic enhance|make {it} look better automatically|one click
enhance|balance the levels automatically"""
_HUE = """(shift|rotate|change|adjust|turn) the hue|shift the (colors|colours|hues)|hue shift|change the hue|do a hue
shift|shift {it} in hue|shift hue|rotate the colors|hue rotate|move the hue|alter the hue|cycle the colors"""
_GAMMA = """apply gamma|gamma correct {it}|gamma correction|adjust the gamma|apply gamma correction|fix the gamma|
do a gamma
correction|gamma|correct the gamma|add gamma correction|change the gamma| gamma adjust"""
_TINT = """tint {it} {c}|tint {c}|give {it} (a|an) {c} tint|add (a|an) {c} tint|apply (a|an) {c} tint|
put (a|an) {c} tint
on {it}|color {it} {c}|tint {it} with {c}|add a tint of {c}|{c} tint|make {it} {c} tinted|tint everything
{c}|give {it} (a|an) {c} (tone|cast|hue|color cast|tinge|wash)|(apply|add) (a|an) {c} (color |colour
|)(filter|overlay)|put (a|an) {c} filter (on|over) {it}|tint the {img} in {c}|tone {it} {c}|tint {it} in {c}|use
(a|an) {c} tint|wash {it} in {c}"""
_BLUR = """blur {it}|blur|make {it} blurry|add (a |some |)blur|apply (a |)(gaussian |)blur|soften {it} with a blur|
blur out
{it}|make {it} blurred|blur everything|blur the {img}|put a blur on {it}| give {it} a blur|gaussian blur|make it
out of focus|blur it out|defocus {it}|make {it} fuzzy|smear {it}"""
_BLUR_BACK = """blur the (background|backdrop)|blur the background|blur background|make the background blurry|
blur out the
background|put the background out of focus|defocus the background|make the background blurred|add (a |)blur to
the background|soft background|blur only the background|blur just the background|blur everything (but|except)
the subject|add background blur|apply (a |)blur to the background|(add|give it) (a |some |)bokeh|blur everything
behind (him|her|them|the subject|the person)|I want the background blurred|the background should be
(blurry|blurred)|background blur|portrait mode|blur what is behind|soften the background|make the background out
of focus"""
_PIXELATE = """pixelate {it}|pixelate|make {it} pixelated|make {it} blocky|add (a |)pixelation|apply (a
|)(pixelate|pixelation|mosaic) (effect|filter)|pixelate the {img}|pixelate everything|pixellate {it}| mosaic
{it}|turn {it} into big pixels|pixelize {it}|pixelise {it}|give {it} a pixelated look|censor {it} with
pixels|make {it} look pixelated|pixelated|blockify {it}|make the pixels visible| show big pixels"""
GRAY, SEPIA, INVERT, AUTO, HUE, GAMMA, TINT, BLUR, BLUR_BACK, PIXELATE = map(
    lines, (_GRAY, _SEPIA, _INVERT, _AUTO, _HUE, _GAMMA, _TINT, _BLUR, _BLUR_BACK, _PIXELATE)
)
SLIGHTLY, STRONGLY = lines(SLIGHT), lines(STRONG)
VERBS = {"make", "convert", "turn", "desaturate", "remove", "take", "go", "change", "drain", "get", "strip", "apply",
     "add", "set", "put", "give", "render", "use", "tone", "invert", "reverse", "show", "negate", "swap", "flip",
     "create", "enhance", "auto-enhance", "automatically", "fix", "do", "run", "normalize", "improve", "stretch",
     "balance", "adjust", "shift", "rotate", "move", "alter", "cycle", "correct", "tint", "color", "wash", "blur",
     "soften", "defocus", "smear", "pixelate", "mosaic", "pixellate", "pixelize", "pixelise", "censor", "blockify",
     "brighten", "lighten", "light", "darken", "dim", "boost", "up", "pump", "crank", "bump", "strengthen",
     "heighten", "raise", "flatten", "cut", "reduce", "lower", "saturate", "intensify", "enrich", "liven", "mute",
     "fade", "dull", "warm", "cool", "sharpen", "crisp", "increase", "bring", "unsharpen", "decrease", "drop",
     "dial", "push", "step", "ramp", "pull", "lessen", "auto", "gamma"}  # fmt: skip
