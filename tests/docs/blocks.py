"""Fenced blocks of pages, and a folder with the files that these name."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
HAPPY, ANGRY = EXAMPLES / "1001_DFA_HAP_XX.flv", EXAMPLES / "1001_DFA_ANG_XX.flv"

FENCE = re.compile(
    r"^(?P<dent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=dent)```\s*$", re.M | re.S
)
PREPARE = re.compile(r"<!-- prepare\n(?P<text>.*?)-->", re.S)
SHOWN = {"text", "json", "toml", "csv", "r", "mermaid", "bibtex", "yaml", "dockerfile", "html", ""}
"""Languages of blocks that are shown and not run."""


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Attributes
    ----------
    language : ``sh``, ``python``, … ; ``prepare`` for a hidden block of Python.
    reason : why it is not run; empty where it is.
    """

    page: str
    line: int
    language: str
    reason: str
    text: str


def pages() -> list[str]:
    """README, CONTRIBUTING and the like, and every page of docs, as paths from the root."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    names = {path.relative_to(ROOT).as_posix() for path in found}
    return sorted(name for name in names if not made(name))


def made(name: str) -> bool:
    """Whether a page is made by the build of the site."""
    return name.startswith(("docs/reference/generated/", "docs/gallery_pages/"))


def blocks_of(page: str) -> list[Block]:
    """The blocks of a page in their order."""
    text = (ROOT / page).read_text("utf-8")
    out = []
    for found in [*FENCE.finditer(text), *PREPARE.finditer(text)]:
        line = text.count("\n", 0, found.start()) + 1
        own = found["text"]
        if found.re is PREPARE:
            out.append(Block(page, line, "prepare", "", own))
            continue
        language, _, rest = found["info"].strip().partition(" ")
        dent = len(found["dent"])
        own = "\n".join(one[dent:] for one in own.splitlines()) + "\n"
        if language.startswith("{"):  # a directive of the site
            continue
        mark, _, reason = rest.partition("no-run:")
        if rest and (mark.strip() or not reason.strip()):
            raise AssertionError(f"{page}:{line}: write ```{language} no-run: REASON, got {rest!r}")
        out.append(Block(page, line, language.lower(), reason.strip(), own))
    return sorted(out, key=lambda block: block.line)


def commands_of(block: Block) -> Iterator[str]:
    """The lines that call ``emonets``, each as words that its parser reads."""
    joined = block.text.replace("\\\n", " ")
    for line in joined.splitlines():
        if "emonets " not in line:
            continue
        words = shlex.split(line, comments=True, posix=True)
        current: list[str] = []
        for word in [*words, ";"]:
            if word in (";", "|", "||", "&&", "&") or word.startswith((">", "2>", "<")):
                name = Path(current[0]).name if current else ""
                if name == "emonets" and len(current) > 1:
                    yield shlex.join(["emonets", *current[1:]])
                current = []
            else:
                current.append(word)


# -- a folder with the files that pages name ------------------------------------------------------


def stage(folder: Path, text: str) -> dict[str, str]:
    """Fill a folder with what a page needs; the environment of its commands.

    The examples are there, ``emonets`` is on the path and in ``.venv/bin``. Further files are made
    if the text has their names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(EXAMPLES, folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    bin_folder = folder / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    run = f'exec "{sys.executable}"'
    programs = {
        "emonets": f'{run} -c "from emonets.cli.main import main; main()" "$@"',
        "python": f'{run} "$@"',
        # an environment is not made again: it is this one
        "python3": f'[ "$1 $2" = "-m venv" ] || {run} "$@"',
        "pip": f'{run} "{Path(__file__).with_name("checked_pip.py")}" "$@"',
    }
    for name, line in programs.items():
        place = bin_folder / name
        place.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
        place.chmod(0o755)
    (bin_folder / "activate").write_text(f'PATH="{bin_folder}:$PATH"\n', "utf-8")
    for name, make in FILES.items():
        if (name == "clips" and "clips.csv" in text) or _named(name, text):
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            make(place)
    return {"PATH": str(bin_folder), "PYTHONPATH": str(ROOT / "src")}


def _named(name: str, text: str) -> bool:
    """Whether a text has the name of a file or folder, and not a longer one."""
    ending = r"(?![\w-])" if "." in name else r"(?=/|'|\"|\s|$)(?!\.)"
    return re.search(rf"(?<![\w./-]){re.escape(name)}{ending}", text) is not None


def _clip(place: Path) -> None:
    shutil.copy(HAPPY, place)


def _sound(place: Path) -> None:
    import numpy as np
    from scipy.io import wavfile

    from emonets.media.clip import open_clip

    samples = np.concatenate([chunk.samples for chunk in open_clip(HAPPY).sound()])
    wavfile.write(place, 48_000, (samples * 32767).astype(np.int16))  # chunks have 48 kHz


def _frame(place: Path, at: int = 20) -> None:
    import cv2

    from emonets.media.clip import open_clip

    for frame in open_clip(HAPPY).frames():
        if frame.index == at:
            cv2.imwrite(str(place), frame.image[:, :, ::-1])
            return


def _frames(place: Path) -> None:
    place.mkdir(exist_ok=True)
    for number in (1, 6, 11, 16):
        _frame(place / f"{number:04d}.png", number)


def _clips(place: Path, names: tuple[str, ...] = ("anna.mp4", "ben.mp4")) -> None:
    place.mkdir(exist_ok=True)
    for name, source in zip(names, (HAPPY, ANGRY), strict=True):
        shutil.copy(source, place / name)


def _labelled(place: Path) -> None:
    """Class folders of three made-up people: copies of the two examples."""
    for emotion, source in (("happy", HAPPY), ("angry", ANGRY)):
        for person in ("anna", "ben", "cleo"):
            (place / emotion / person).mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place / emotion / person / "01.flv")


def _text(content: str) -> Callable[[Path], None]:
    return lambda place: place.write_text(content, "utf-8") and None


def _streams(place: Path) -> None:
    """Two picture streams and one of sound."""
    import av

    with av.open(str(HAPPY)) as source, av.open(str(place), "w", format="matroska") as target:
        made = []
        for _ in range(2):
            pictures = target.add_stream("mpeg4", rate=30)
            pictures.width, pictures.height = 480, 360
            pictures.pix_fmt = "yuv420p"
            made.append(pictures)
        sound = target.add_stream("pcm_s16le", rate=44_100)
        for frame in source.decode(video=0, audio=0):
            for stream in made if isinstance(frame, av.VideoFrame) else [sound]:
                target.mux(stream.encode(frame))
        for stream in [*made, sound]:
            target.mux(stream.encode(None))


FILES: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(
        ("clip.mp4", "talk.mp4", "interview.mp4", "film.mp4", "anna.mp4", "new.mp4", "clip.mov",
         "lecture.mkv", "day1/a.mp4", "day2/b.mp4", "ann_neutral.mp4", "anna_neutral.mp4"),
        _clip,
    ),
    "day1": _clips,
    "face.jpg": _frame,
    "photo.jpg": _frame,
    "call.mkv": _streams,
    "frames": _frames,
    "interview.wav": _sound,
    "interviews": _clips,
    "sessions": _clips,
    "clips": _labelled,
    "other-clips": _labelled,
    "events.csv": _text("name,start,end\nbaseline,0,0.5\nsong,0.5,1.5\n"),
    "who.csv": _text("file,person\ninterviews/anna.mp4,anna\ninterviews/ben.mp4,ben\n"),
    # two clips only: copies of one clip with other groups are an error
    "clips.csv": _text(
        "path,label,group\nclips/happy/anna/01.flv,happy,anna\nclips/angry/cleo/01.flv,angry,cleo\n"
    ),
    "people.csv": _text("file,person\ninterviews/anna.mp4,anna\ninterviews/ben.mp4,ben\n"),
}  # fmt: skip
"""The files that a page may name, and how each is made."""
