"""How easy README and tutorials are to read, beside the READMEs of other packages.

    python benchmarks/readability.py --peers whisper=README.md librosa=README.md …

Flesch reading ease is 206.835 - 1.015 words a sentence - 84.6 syllables a word; higher is easier.
Syllables are those of ``pyphen`` (pip install pyphen). Code, tables, headings and addresses are
left out, as in ``tests/docs/test_english.py``.

The peers' files are those of their repositories or packages.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import pyphen

from emonets.evaluation.records import Evidence, write_results

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "docs"))

from test_english import sentences, words  # noqa: E402

ENGLISH = pyphen.Pyphen(lang="en_US")
COMMAND = "python benchmarks/readability.py --peers whisper=FILE librosa=FILE scikit-learn=FILE"


def prose(path: Path) -> list[str]:
    """The sentences of a page."""
    text = path.read_text("utf-8")
    if path.suffix == ".rst":
        text = re.sub(r"^\.\. .*(?:\n[ \t]+.*)*", "", text, flags=re.MULTILINE)
        text = re.sub(r"^(\S.*)\n([-=~])\2{2,}$", "", text, flags=re.MULTILINE)
        text = re.sub(r"::\n\n(?:[ \t]+.*\n)+", ".\n\n", text)
        text = re.sub(r"`([^`<]*?) ?<[^>]*>`_+", r"\1", text)
    else:
        text = re.sub(r"\n\n(?:    .*\n)+", "\n\n", text)  # code by its indent
    text = re.sub(r"https?://\S+|\|[A-Za-z-]+\|", "", text)
    return [own for own in sentences(text) if words(own) > 2]


def rows_of(what: str, pages: list[Path], note: str = "") -> list[Evidence]:
    own = [sentence for page in pages for sentence in prose(page)]
    found = [word for sentence in own for word in re.findall(r"[A-Za-z]+", sentence)]
    syllables = sum(len(ENGLISH.positions(word)) + 1 for word in found)
    mean = sum(map(words, own)) / len(own)
    ease = 206.835 - 1.015 * mean - 84.6 * syllables / len(found)
    print(f"{what}: {len(own)} sentences, {mean:.1f} words each, reading ease {ease:.1f}")
    common = {"what": what, "data": "prose", "n": len(own), "command": COMMAND, "note": note}
    return [
        Evidence(metric="reading ease (Flesch)", value=round(ease, 1), **common),
        Evidence(metric="words a sentence", value=round(mean, 1), **common),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", nargs="*", default=[], metavar="NAME=FILE")
    rows = rows_of("EmoNets, README", [ROOT / "README.md"])
    rows += rows_of("EmoNets, tutorials", sorted((ROOT / "docs" / "tutorials").glob("*.md")))
    for pair in parser.parse_args().peers:
        name, _, file = pair.partition("=")
        rows += rows_of(f"{name}, README", [Path(file)])
    write_results("readability", rows)


if __name__ == "__main__":
    main()
