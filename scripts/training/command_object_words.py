"""The phrasings of what is painted or written: templates for `command_objects`, one alternative between two bars.

Words only; what they mean and what is filled in is decided there.
"""

from scripts.training import command_vocabulary as words
from scripts.training.command_clauses import lines

_ADD = """add {what}|add {what}|add {what}|add in {what}|put {what}|put in {what}|place {what}|insert {what}|draw
{what}|paint {what}|generate {what}|create {what}|include {what}|throw in {what}|stick {what}|drop in
{what}|paint in {what}|pop {what}|give me {what}|make {what} appear|let {what} appear|show {what}|set
{what}|bring in {what}|have {what}|add {what} (to|into|in) (it|the {img}|this|this {img}|the scene|my {img})|put
{what} (in|into) (it|the {img}|this {img}|the scene)|conjure up {what}| imagine {what}|render {what}|sketch
{what}|slap {what}|get me {what}|fill in {what}|position {what}"""
_ADD_PLACED = """add {what} {where}|add {what} {where}|put {what} {where}|put {what} {where}|put {what} {where}|
place {what}
{where}|insert {what} {where}|draw {what} {where}|paint {what} {where}|stick {what} {where}|set {what}
{where}|drop {what} {where}|pop {what} {where}|generate {what} {where}|create {what} {where}|include {what}
{where}|hang {what} {where}|slap {what} {where}|throw {what} {where}|make {what} appear {where}|position {what}
{where}|have {what} {where}|show {what} {where}"""
_WANT = """I (want|need|would like|'d like) {what}{where}|(there|there) should be {what}{where}|I want to (see|have)
{what}{where}| can (we|I|you) (have|get|give me) {what}{where}|how about {what}{where}|what about
{what}{where}|let there be {what}{where}|it needs {what}{where}|(the {img}|it|this) (could use|is missing|should
have|needs) {what}{where}|let's have {what}{where}|imagine {what}{where}| {what}{where} would be
(nice|great|cool)|I'd love {what}{where}|we need {what}{where}|{what}{where}|could we get
{what}{where}|(it|this) would look better with {what}{where}|maybe {what}{where}|I think {what}{where} would be
(good|nice)"""
_FIRST = """{where} (add|put|place|draw|insert|paint|I want|there should be|we need|stick|create) {what}|{where},
(add|put|place|draw| I want|there should be) {what}"""
_CHANGE = """(change|turn|transform|convert|make) {t} (in|)to {p}|(change|turn|transform) {t} into {p}|
replace {t} (with|by)
{p}|replace {t} with {p}|replace {t} with {p}|swap {t} (for|with|out for|to) {p}|swap out {t} for {p}|change {t}
to {p}|change {t} to {p}|exchange {t} for {p}|substitute {t} with {p}|switch {t} (to|with|for) {p}|make {t}
{p}|make {t} into {p}|replace {t} by {p}|morph {t} into {p}|trade {t} for {p}|change {t} for {p}|have {t} be
{p}|redo {t} as {p}|repaint {t} as {p}|take out {t} and put {p} (there|there instead|in its place)"""
_CHANGE_LOOSE = """{t} should be {p}|I want {t} to be {p}|instead of {t} (I want|put|add|use|show) {p}|
(put|use|add|I want) {p}
instead of {t}|substitute {p} for {t}|(put|use|add) {p} in place of {t}|I'd (like|rather have) {p} instead of
{t}|{t} should become {p}|can {t} be {p}|let {t} become {p}|put {p} where {t} is|{t} (is|looks)
(boring|bad|dull|ugly|awful|wrong), (make it|turn it into|change it to|replace it with|swap it for) {p}|see {t}?
(make it|turn it into|change it to|replace it with) {p}|(take|use) {t} and (make it|turn it into) {p}|I want {p}
(instead of|rather than|in place of) {t}"""
_BACKGROUND = """(use|put|set) {p} as (the|a|) (new |)background|give it {p} as (a|the) background|put (it|him|her|the
subject|them) in front of {p}|(set|change|switch|swap) {t} to {p}|(change|replace) {t} (with|by|for) {p}|make
{t} {p}|I want {p} (as the background|in the background instead)|{t} should be {p}|turn {t} into
{p}|(new|different) background {p}|background to {p}|have {p} as the background"""
_REMOVE = """remove {t}|remove {t}|remove {t}|get rid of {t}|get rid of {t}|delete {t}|erase {t}|take out {t}|take away
{t}|take {t} (out|away)|cut out {t}|clear {t}|wipe out {t}|lose {t}|ditch {t}|eliminate {t}|scrub {t} out|edit
out {t}|paint over {t}|make {t} (disappear|vanish|go away|invisible)|drop {t}|rub out {t}|remove {t} from
(it|the {img}|this {img}|the scene|here)|take {t} (out of|off) (it|the {img}|this {img})|hide {t}|zap
{t}|photoshop out {t}|photoshop {t} out|kill {t}|strip out {t}|airbrush {t} out| get {t} out of (here|the
{img}|there)|erase {t} from the {img}|exclude {t}"""
_REMOVE_LOOSE = """I don't (want|need|like) {t}|{t} (should|needs to|has to|must) (go|disappear)|no more {t}|I want {t}
(gone|removed| deleted|out)|without {t}|{t} (is|looks) (ugly|distracting|annoying) (remove|delete|erase) it|we
don't need {t}|there shouldn't be {t}|{t} is in the way|lose {t}|I'd like {t} (gone|removed)|(can|could) {t} be
removed|I (don't|do not) want {t} in (there|here|it|the {img}|this {img})|{t} (looks|look|is|are)
(bad|awful|silly|distracting|ugly|weird), (get rid of|remove|delete|take out) (it|them|that)| there's {t},
(remove|delete|erase|lose) it|do you see {t}? (remove|delete|erase) it|(I hate|I don't like|see) {t}, (take it
out|get rid of it|remove it|erase it|make it go away)|nobody needs {t}|{t} (can|may) go|(the {img}|it) would be
better without {t}"""
_CUTOUT = """remove (the|this|its|my|) (background|backdrop)|remove the background|remove background|get rid of the
(background|backdrop)| delete the background|erase the background|make the background transparent|cut out the
(subject|background|main subject)|take (out|away) the background|transparent background|give it a transparent
background|background removal|strip (the|away the) background|knock out the background|clear the
background|isolate the (subject|foreground|main object)|make (it|the background) see through|cut the subject
out|drop the background|cut away the background|remove the background from (it|the {img}|this {img})|remove
bg|make the bg transparent|take the background (off|out|away)|lose the background|set the background to
transparent|wipe the background|keep only the subject|eliminate the background|erase the backdrop|(no|without)
background"""
_LIKE = """make {it} (look |)like (a|an|the|) {s}|make {it} look like (a|an) {s}|turn {it} into (a|an) {s}|
turn {it} into
(a|an) {s}| make {it} (a|an) {s}|transform {it} into (a|an) {s}|convert {it} (into|to) (a|an) {s}|render {it} as
(a|an) {s}|redraw {it} as (a|an) {s}| repaint {it} as (a|an) {s}|make {it} resemble (a|an) {s}|style {it}
(as|like) (a|an) {s}|restyle {it} as (a|an) {s}|restyle {it} (to|into) (a|an) {s}|change {it} into (a|an)
{s}|make {it} appear like (a|an) {s}|do {it} as (a|an) {s}|re-imagine {it} as (a|an) {s}"""
_LIKE_BARE = """make {it} look like {s}|make {it} look like {s}|turn {it} into {s}|render {it} as {s}|
restyle {it} as {s}|restyle as {s}|
redo {it} as {s}|make {it} like {s}|redraw {it} as {s}|transform {it} into {s}|make {it} look as if it was {s}|
change {it} (in|)to {s}"""
_LIKE_LOOSE = """I want {it} to look like (a|an) {s}|{it} should look like (a|an) {s}|I want {it} as (a|an) {s}|
can {it} be
(a|an) {s}| {it} as (a|an) {s}|(could|can) {it} look like (a|an) {s}|I'd like {it} to look like (a|an) {s}|what
would {it} look like as (a|an) {s}"""
_STYLED = """make {it} (look |){s}|give {it} (a|an) {s} (look|style|feel|vibe)|make {it} (in|in a|in the) {s} style|
apply
(a|an|the|) {s} style|change (it to|the style to) {s}|(do|redo|render|paint|draw|redraw) {it} in (a|an|) {s}
style|restyle {it} (as|to) {s}|use (a|an) {s} style|{s} style|in {s} style|turn {it} {s}|set the style to {s}|go
for (a|an) {s} (look|style)|make the style {s}|add (a|an) {s} style"""
_BY = """(make|paint|draw|render|redo|do|repaint) {it} in the style of {a}|in the style of {a}|make {it} (look |)like
(a|an|) {a}( painting| painting)|as if {a} (painted|drew|made) it|restyle {it} (in the style of|like|after)
{a}|apply the style of {a}"""
DETERMINERS = words.listed("the the the the the the the the the that this those my-all all-the his her a")
_WRITE = """add (the |)(text|words|caption|title|label|message|heading|line) {c}|write {c}|write {c}|write {c}|write the
(words|text|word) {c}| put (the |)(text|words|caption|title) {c}|add (a|some)
(text|caption|title|label|headline) (saying|that says|reading|that reads|with) {c}| put (a|the)
(caption|title|label) (saying|that says) {c}|caption it {c}|label it {c}|title it {c}|type {c}|insert (the
|)text {c}|print {c}| overlay (the |)text {c}|place the (words|text) {c}|add text {c}|add text saying {c}|add
text that says {c}|text {c}|caption {c}|add (a|the) caption {c}|set the (text|caption) to {c}|write down
{c}|make it say {c}|let it say {c}|add lettering that says {c}|have it say {c}| stamp {c}|put {c} as (text|a
caption|a title)|insert a caption reading {c}|overlay {c}|show the text {c}|(I want|I'd like) it to say {c}|it
should say {c}|(I want|I'd like) the (text|words) {c}|have the words {c}"""
_TOP = (
    "at the top|on top|at the top|along the top|up top|at the top of the {img}|on the top|at the very top|"
    "across the top|above"
)
_CENTER = (
    "in the middle|in the center|in the centre|centered|in the middle of the {img}|at the center|"
    "right in the middle|across the middle"
)
_BOTTOM = (
    "at the bottom|at the bottom|along the bottom|on the bottom|at the bottom of the {img}|underneath|"
    "across the bottom|below"
)
_GREETINGS = """Happy Birthday|Hello World|Merry Christmas|Happy New Year|Congratulations|Thank You|I Love You|
Good Morning|For
Sale| Welcome Home|Just Married|Summer 2026|Coming Soon|Sold Out|Keep Calm and Carry On|Best Day Ever|Hello|Hi
there|Wish you were here|The End| Get Well Soon|Game Over|Grand Opening|Chapter One|Part 2|Do Not Enter|Save the
Date|Made with love|Happy Birthday Grandma|Paris 2024|Holiday in Spain|Free Hugs|Home Sweet Home|Live Laugh
Love|Open 24 hours|Lost Cat|Wanted|Carpe Diem|Stay Strong|Good Luck|Big Sale|50% off|Team Blue|Room
101|Caution|No Parking|See you soon|It's a girl|Rest in peace|Class of 2025|Happy Easter|Trick or treat|Bon
voyage|Yes we can| Rotate me|Crop here|Brighter days|Flip side|Left or right|Copyright
2026|Draft|Sample|Confidential|My holiday|First day of school| Monday motivation|How are you|What a day|To be
continued|Vote for Anna|Meet me at noon|Tom and Jerry|Mum and Dad"""
GREETING_LINES = words.split(_GREETINGS)
EXCLAIMED_LINES = words.split("""Bam|Zap|Boom|Wow|Yes|No|Stop|Help|Ready|Why not|Who, me|Oh no|Surprise|Hooray|Ta-da|
Go team|Hey, you|Dr. Who|Mr. Fox|Hello, World|What's new|A & B|Guess who|Let's go|Really|Cheese|Watch out|
Happy Birthday, Tom|Bang|Crash|Are we there yet|Now or never|Hi, I'm Anna|Eat, sleep, repeat|Wait for it|Ouch|Yum|
Vs.|Est. 1987|#1 Dad|Me + you""")
_FACELESS = """(change|make|paint|dye|color|colour|recolor) {t} {c}|(paint|make|dye|color) {t} {c}|make {t} {c}|turn {t}
{c}|change {t} to {c}| change the (color|colour) of {t} to {c}|{t} should be {c}|I want {t} to be {c}"""


ADD, ADD_PLACED, WANT, FIRST, CHANGE, CHANGE_LOOSE, BACKGROUND, REMOVE, REMOVE_LOOSE, CUTOUT = map(
    lines, (_ADD, _ADD_PLACED, _WANT, _FIRST, _CHANGE, _CHANGE_LOOSE, _BACKGROUND, _REMOVE, _REMOVE_LOOSE, _CUTOUT)
)
LIKE, LIKE_BARE, LIKE_LOOSE, STYLED, BY, WRITE, FACELESS = map(
    lines, (_LIKE, _LIKE_BARE, _LIKE_LOOSE, _STYLED, _BY, _WRITE, _FACELESS)
)
TOP, CENTER, BOTTOM = map(lines, (_TOP, _CENTER, _BOTTOM))
