"""The phrasings of size and shape: templates for `command_geometry`, one alternative between two bars.

Words only; what they mean and what is filled in is decided there.
"""

from scripts.training import command_vocabulary as words
from scripts.training.command_clauses import lines

SIDES = {
    "left": "to the left|on the left|on the left side|leftwards|on the left hand side|towards the left|left",
    "right": "to the right|on the right|on the right side|rightwards|on the right hand side|towards the right|right",
    "top": "at the top|upwards|on top|to the top|above|on the top side|up|upward|towards the top",
    "bottom": "at the bottom|downwards|on the bottom|to the bottom|below|down|downward|towards the bottom",
    "all": "on all sides|in all directions|in every direction|all around|on every side|everywhere|outwards|"
    "on all four sides",
}
_EXTEND = """extend {it} {side}|extend the (canvas|{img}|frame) {side}|expand {it} {side}|expand the (canvas|{img})
{side}|outpaint {side}| outpaint {it} {side}|widen the canvas {side}|grow the (canvas|{img}) {side}|add (more
|some |)(space|room|canvas) {side}|uncrop {it} {side}| continue {it} {side}|stretch the canvas {side}|make the
canvas (bigger|larger) {side}|enlarge the canvas {side}|give it more (room|space) {side}|show more {side}|extend
{side}|fill in more {side}|paint more {side}|extend it {side}"""
_EDGE = """extend the {side} (side|edge|)|expand the {side} (side|edge|)|outpaint the {side} (side|edge|)|
extend the {side}
(side|edge) of the {img}|grow the {side} (side|edge)|more space on the {side} side"""
_ALL = """extend {it}|expand the canvas|outpaint {it}|uncrop {it}|extend the canvas|outpaint|zoom out|expand the
{img}|extend the borders of the {img}|make the canvas (bigger|larger)|enlarge the canvas|show more of the
surroundings|grow the canvas|extend the {img}|zoom out a bit"""
_TURN = """rotate {it}|rotate|turn {it}|rotate {it}|spin {it}|rotate|turn|rotate the {img}|rotate it"""
_RIGHT = """right|right|to the right|clockwise|to the right side|90 degrees|90|90 degrees clockwise|90 degrees to the
right|by 90 degrees| a quarter turn|a quarter turn clockwise|one quarter turn to the right|once|ninety
degrees|right by 90 degrees|90 degrees right|on its right side|90°|a quarter turn right|towards the right|90
clockwise|rightwards|onto its right side"""
_LEFT = """left|left|to the left|counter-clockwise|counterclockwise|anticlockwise|anti-clockwise|90 degrees
counterclockwise|90 degrees to the left|left by 90 degrees|a quarter turn counterclockwise|a quarter turn to the
left|minus 90 degrees|-90|90 degrees left|ninety degrees left| on its left side|by -90 degrees|counter
clockwise|-90 degrees|270 degrees|270 degrees clockwise|a quarter turn left|leftwards| 90 anticlockwise|anti
clockwise"""
_OVER = """upside down|180 degrees|180|by 180 degrees|half a turn|a half turn|upside-down|
a hundred and eighty degrees|on
its head|by 180| halfway around|-180 degrees|180 degrees clockwise|180°|around by 180 degrees|one hundred eighty
degrees"""
_OVER_LOOSE = """put {it} upside down|I want {it} upside down|{it} should be upside down|stand {it} on its head|
make {it} upside
down|turn {it} upside down|upside down|{it} is upside down|{it} is upside down fix it|turn {it} on its head"""
_MIRROR = """flip {it}|mirror {it}|flip {it} horizontally|mirror {it} horizontally|flip horizontally|flip {it} left to
right|flip {it} (sideways| side to side)|mirror image|make (it|this) a mirror image|reverse {it}|flip {it}
(on|along|over|around) the (vertical axis|y axis)|do a horizontal flip|flop {it}|flip {it}
horizontal|mirror|flip|mirror the {img}|flip the {img}|horizontal flip|flip left and right|swap left and
right|flip {it} from left to right|flip {it} across the vertical axis|make {it} mirrored|mirror {it} left to
right|mirror {it} from left to right|flip it around| horizontally flip {it}|make {it} face the other way|turn
{it} into its mirror image|invert {it} horizontally"""
_OVERTURN = """flip {it} vertically|mirror {it} vertically|flip vertically|
flip {it} (top to bottom|vertical|upside down)|flip
{it} (on|along|over| around) the (horizontal axis|x axis)|do a vertical flip|mirror {it} top to bottom|vertical
flip|flip top and bottom|swap top and bottom|flip {it} from top to bottom|flip {it} across the horizontal
axis|vertically flip {it}|flip {it} up and down|mirror {it} along the horizontal axis|vertical mirror| invert
{it} vertically|mirror vertically"""
_SMALLER = """make {it} smaller|shrink {it}|scale {it} down|smaller|reduce the size|resize {it} smaller|{it} is too
(big|large)|downsize {it}|make {it} (a bit|a little|) smaller|scale down|decrease the size|shrink the {img}
down|downscale {it}|size {it} down|reduce the size of the {img}|too big"""
_BIGGER = """make {it} (bigger|larger)|enlarge {it}|scale {it} up|(bigger|larger)|increase the size|resize {it}
(bigger|larger)|{it} is too small|make {it} (a bit|a little|) (bigger|larger)|upsize {it}|scale up|upscale
{it}|grow {it}|blow {it} up|increase the size of the {img}|too small"""
_HALF = """make {it} half the size|half size|half the size|halve the size|resize {it} to half|cut the size in half|scale
{it} (down |)to half|shrink {it} (by half|to half|to half its size|to half size)|reduce {it} (by half|to
half)|make {it} half as (big|large)|50 percent smaller|scale {it} by (0.5|a half)|half as big|reduce the size by
half|halve the (image|picture)|resize to half size|make {it} 50 percent smaller|scale {it} by half"""
_DOUBLE = """make {it} twice (as big|as large|the size)|double the size|double size|twice the size|resize {it} to
double|scale {it} (by two|by 2|2x|by a factor of two|to double)|double {it}|enlarge {it} (two times|to twice its
size|by a factor of 2)|make {it} (double the size|two times bigger|2x bigger|2x)|upscale {it} (2x|two
times|twice)|blow {it} up to double|double the size of the {img}|twice as (big|large)|resize {it} to twice the
size|make {it} 2 times bigger"""
_PERCENT = """resize {it} to {n}|scale {it} to {n}|scale {it} (down to|up to|to|by) {n}|
make {it} {n} of (its|the) (original
|)size|resize to {n}|{n} of the (original |)size|scale to {n}|resize by {n}|shrink {it} to {n}|set the
(size|scale) to {n}|{n} size|resize {n}|scale {n}|reduce {it} to {n}|enlarge {it} to {n}"""
_BOTH = """resize {it} to {d}|resize to {d}|resize {d}|resize {it} {d}|scale {it} to {d}|make {it} {d}|change the
(size|resolution|dimensions) to {d}|set the (size|resolution|dimensions) to {d}|I (want|need) it {d}|resize {it}
(so it is|to be) {d}|{d} please|size {d}|resolution {d}|change the size to {d}|scale to {d}| convert {it} to
{d}|bring {it} to {d}|make the size {d}|get {it} to {d}|resize the {img} {d}|fit {it} (to|into) {d}|shrink {it}
to {d}|enlarge {it} to {d}"""
_WIDE = """resize {it} to {n} wide|make {it} {n} wide|(set the |)width (to |){n}|resize {it} to a width of {n}|{n}
wide|scale {it} to {n} wide|resize the width to {n}|make the width {n}|change the width to {n}|resize to {n}
(wide|in width|width)|width of {n}|{it} should be {n} wide|scale {it} to width {n}|width {n}|shrink {it} to {n}
(in width|wide)|resize to width {n}"""
_CROP_ASPECT = """crop {it} to {a}|crop to {a}|crop {a}|make {it} {a}|cut {it} to {a}|crop {it} {a}|
change the aspect ratio to
{a}|aspect ratio {a}|set the aspect (ratio|) to {a}|crop {it} to (a|an) {a} (aspect
ratio|ratio|aspect|format)|crop {it} in {a}|make {it} {a} format|crop to a {a} ratio|trim {it} to {a}|cut to
{a}|I want {it} {a}|reframe {it} to {a}|crop the {img} to {a}|use a {a} crop"""
_SQUARE = """make {it} square|crop {it} square|crop to (a |)square|crop {it} (in|)to a square|square crop|make {it} a
square|square it|cut {it} into a square|crop {it} to square|square format|crop square|square|make {it}
(perfectly|) square|I want {it} square|crop {it} so it is square|cut {it} square|turn {it} into a square| crop
{it} to a square shape|crop {it} squared|{it} should be square|crop for instagram|crop {it} one by one"""
_CROP_SIZE = """crop {it} to {d}|crop to {d}|crop {d}|cut {it} (down |)to {d}|crop {it} {d}|crop the {img} to {d}|
crop out
{d}|cut out the (middle|center) {d}|crop the (middle|center) {d}|crop it down to {d}|crop the (center|middle) to
{d}| crop it to a size of {d}"""
_CROP_TO = """crop {it} to {t}|crop to {t}|crop around {t}|crop {it} (around|on|onto) {t}|crop in on {t}|crop
(tightly|close|tight) (around|to) {t}|zoom in on {t}|crop so only {t} is (visible|left|shown)|cut {it} to
{t}|crop down to {t}|crop everything (but|except) {t}|focus the crop on {t}|crop {it} to just {t}|just crop
{t}|I only want {t}|just {t} please|crop (so that|so) only {t} (is left|remains|shows)|crop away everything
(but|except) {t}|frame {t} tightly|zoom to {t}|crop {t}"""
_TRIM = """trim {it}|trim the edges|trim the (white|empty|black|blank|plain) (edges|borders|space|margins)|trim|
cut off the
(white|black|empty|blank) (edges|borders|margins|bars)| remove the (empty|white|black|blank|uniform)
(edges|borders|margins|bars|space around it)|trim the borders|trim away the (empty|white) (space|edges)|auto
crop the (borders|edges)|trim off the edges|get rid of the (white|empty|black|blank)
(borders|margins|edges|bars)|trim the whitespace|remove the whitespace|crop (off|away|out) the
(white|empty|black) (border|borders| space|edges|bars)|cut away the (empty|white) (space|margins)|trim the
{img}|trim the margins|trim {it} down|remove the black bars|autocrop|trim off the (extra|empty|blank)
space|strip the (white|blank) (margins|borders)|trim uniform edges|cut the empty edges"""
_BORDER = """add {b}|put {b} around {it}|give it {b}|draw {b}|add {b} around {it}|put {b} on {it}|make {b}|(I want|I'd
like|it needs) {b}|surround {it} with {b}|frame {it} with {b}|apply {b}| place {b} around {it}|create {b}|insert
{b}|add {b} to {it}|draw {b} around {it}|wrap {it} in {b}|{b}|with {b}|put in {b}"""
_CONVERT = """convert {it} to {f}|convert to {f}|save {it} as {f}|save as {f}|export {it} as {f}|export as {f}|
make {it} a
{f}|turn {it} into a {f}|change the (format|file type|file format) to {f}|save {it} (in|to) {f} format|{f}
format|output {f}|export to {f}|store it as {f}|convert {it} into {f}|change {it} to {f}|I (need|want) (it as (a
|)|a ){f}|give it to me as (a |){f}| (as|in) {f}|download {it} as {f}|convert {it} to {f} format|save {it} as
(a|an) {f} file|write it (out |)as {f}|make it {f}|set the format to {f}|{f} please|encode it as {f}"""
(EXTEND, EDGE, ALL, TURN, RIGHT, LEFT, OVER, OVER_LOOSE, MIRROR, OVERTURN, SMALLER, BIGGER, HALF, DOUBLE, PERCENT,
 BOTH, WIDE) = map(
    lines, (_EXTEND, _EDGE, _ALL, _TURN, _RIGHT, _LEFT, _OVER, _OVER_LOOSE, _MIRROR, _OVERTURN, _SMALLER, _BIGGER,
            _HALF,
            _DOUBLE, _PERCENT, _BOTH, _WIDE)
)  # fmt: skip
CROP_ASPECT, SQUARE, CROP_SIZE, CROP_TO, TRIM, BORDER, CONVERT = map(
    lines, (_CROP_ASPECT, _SQUARE, _CROP_SIZE, _CROP_TO, _TRIM, _BORDER, _CONVERT)
)
VERBS = set(
    words.listed("""extend expand outpaint widen grow add uncrop continue stretch make enlarge give show fill paint
rotate turn spin
put flip mirror do flop shrink scale reduce resize downsize decrease downscale size increase upsize upscale blow
halve cut double set change convert bring get fit crop trim autocrop remove strip draw surround frame apply
place create insert wrap save export store write encode download square reframe use stand zoom reverse swap
invert horizontally vertically focus""")
)
SIZES = (16, 32, 64, 100, 120, 128, 150, 200, 240, 250, 256, 300, 320, 360, 400, 450, 480, 500, 512, 600, 640, 700,
         720, 750, 768, 800, 900, 960,
         1000, 1024, 1080, 1200, 1280, 1366, 1440, 1500, 1600, 1920, 2000, 2048, 2160, 2400, 2560, 3000, 3840, 4000,
         4096)  # fmt: skip
PAIRS = ((640, 480), (800, 600), (1024, 768), (1280, 720), (1920, 1080), (512, 512), (1080, 1080), (256, 256), (300,
200), (1080, 1920),
         (2560, 1440), (3840, 2160), (400, 300), (1200, 630), (1024, 1024), (600, 400), (100, 100), (1200,
         800))  # fmt: skip
