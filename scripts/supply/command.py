"""The command line of ``scripts/fetch_models``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from inference.catalogue import Catalogue, Row
from inference.errors import TawnyError
from inference.weights import check, folder_of, verify
from scripts.supply.failures import FetchError
from scripts.supply.fetching import Fetcher
from scripts.supply.progress import Progress, in_words
from scripts.supply.seals import seal
from scripts.supply.shelf import Shelf

ROOT = Path(__file__).resolve().parents[2]
WORDS = {"ready": "ready", "missing": "not fetched", "unsealed": "not sealed"}

DESCRIPTION = """Fetch models: verified, resumable, whole or not at all.

Without an ID: the starter set, which needs no hub. A model that adapts another brings that one too."""
EPILOG = """examples:
  ./scripts/fetch_models                                 the starter set
  ./scripts/fetch_models --list                          what there is, under which licence, how big
  ./scripts/fetch_models sdxl-inpainting-lightning       one model and its base
  ./scripts/fetch_models --verify                        hash every file again
  ./scripts/fetch_models --import /mnt/usb/qwen3-4b qwen3-4b
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fetch_models",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="models of models/manifest.toml")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="show every model and whether it is there")
    what.add_argument("--all-starter", action="store_true", help="the starter set, also beside an ID")
    what.add_argument("--verify", action="store_true", help="hash what is there again and name what differs")
    what.add_argument("--import", type=Path, metavar="FOLDER_OR_FILE", dest="given", help="take the one ID from here")
    what.add_argument("--seal", action="store_true", help="write the hashes of a model of this repository")
    parser.add_argument("--again", action="store_true", help="fetch even what is already there")
    parser.add_argument("--offline", action="store_true", help="ask no network")
    parser.add_argument("--store", type=Path, help="where models live (default: TAWNY_MODELS or models/store)")
    parser.add_argument("--manifest", type=Path, default=ROOT / "models" / "manifest.toml", help="another catalogue")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 something failed, 2 a wrong command line, 130 interrupted."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if (options.seal or options.given) and len(options.ids) != 1:
        parser.error("--import and --seal need exactly one ID")
    store = options.store or Path(os.environ.get("TAWNY_MODELS") or ROOT / "models" / "store")
    progress = Progress()
    try:
        catalogue = Catalogue.load(options.manifest)
        rows = [catalogue.row(name) for name in options.ids]
        if options.list:
            _list(rows or list(catalogue), store, progress)
            return 0
        if options.verify:
            return _verify(rows or list(catalogue), store, progress)
        if options.seal:
            files = seal(rows[0], options.manifest)
            progress.say(f"{rows[0].id}: sealed {len(files)} files, {in_words(sum(f.bytes for f in files))}")
            return 0
        fetcher = Fetcher(Shelf(store), progress, offline=options.offline, again=options.again)
        if options.given is not None:
            fetcher.take(rows[0], options.given)
            return 0
        starter = list(catalogue.starter()) if options.all_starter or not rows else []
        return _fetch(fetcher, starter, catalogue.with_bases(rows), progress)
    except (FetchError, TawnyError) as failure:
        print(f"fetch_models: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nfetch_models: interrupted. Run the same command again: it resumes.", file=sys.stderr)
        return 130


def _fetch(fetcher: Fetcher, starter: Sequence[Row], asked: Sequence[Row], progress: Progress) -> int:
    failed = 0
    named = {row.id for row in asked}
    for row in [*(row for row in starter if row.id not in named), *asked]:
        if row.id not in named and not row.sealed:
            progress.say(f"{row.id}: not trained and sealed yet, passed over (see models/README.md)")
            continue
        try:
            fetcher.fetch(row)
        except FetchError as failure:
            failed += 1
            print(f"fetch_models: {row.id}: {failure}", file=sys.stderr)
    return 1 if failed else 0


def _verify(rows: Sequence[Row], store: Path, progress: Progress) -> int:
    bad = 0
    for row in rows:
        state, why = check(row, store)
        if state in ("missing", "unsealed") and not folder_of(row, store).exists():
            continue
        try:
            with progress.measure(row.id, row.bytes) as count:
                verify(row, store, count)
        except TawnyError as failure:
            bad += 1
            print(f"fetch_models: {failure}", file=sys.stderr)
        else:
            progress.say(f"{row.id}: every file is as it was fetched ({why})")
    return 1 if bad else 0


def _list(rows: Sequence[Row], store: Path, progress: Progress) -> None:
    table = [("ID", "ENGINE", "LICENCE", "SIZE", "STATE")]
    for row in rows:
        state = check(row, store)[0]
        mark = " (starter)" if row.starter else ""
        table.append((row.id, row.engine, row.licence, in_words(row.bytes), WORDS.get(state, state) + mark))
    widths = [max(len(line[column]) for line in table) for column in range(5)]
    for line in table:
        cells = [
            cell.rjust(width) if n == 3 else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        progress.say("  ".join(cells).rstrip())
    progress.say(f"Models live in {store}.")
