"""The engines, one file each. A new engine is a file here and a line in `ENGINES`.

Engine modules import nothing heavy at the top: the gateway imports them to name the classes.
"""

from __future__ import annotations

from inference.engine import Engine
from inference.engines.face_finder import FaceFinder
from inference.engines.inpainter import Inpainter
from inference.engines.parser import Parser
from inference.engines.segmenter import Segmenter
from inference.engines.speaker import Speaker
from inference.engines.subject_finder import SubjectFinder
from inference.engines.transcriber import Transcriber

ENGINES: tuple[type[Engine], ...] = (Inpainter, Parser, Transcriber, Speaker, SubjectFinder, FaceFinder, Segmenter)

__all__ = ["ENGINES", "FaceFinder", "Inpainter", "Parser", "Segmenter", "Speaker", "SubjectFinder", "Transcriber"]
