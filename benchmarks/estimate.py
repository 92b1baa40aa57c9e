"""How near the estimate of a dry run is to the training: the time of both, on small data.

    python benchmarks/estimate.py --data ../shared/data --only audio

Each case is trained twice by the command line: with ``--dry-run``, and then in full. A row holds
the seconds that the dry run printed, the seconds that the training took, and their ratio. The
clips are links to the first files of a few people.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from emonets.evaluation.records import Evidence, write_results

ROOT = Path(__file__).parent.parent
FAST = "tests/fast_system.toml"
_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Case:
    """A small training: its specialists, preset, and files of so many people."""

    models: str
    preset: str
    folder: str
    people: tuple[str, ...]
    per_person: int
    options: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """Specialists, preset and options, for the table."""
        return " ".join([self.models, Path(self.preset).stem, *self.options])


def javanese(models: str, preset: str, people: int, clips: int, *options: str) -> Case:
    """Clips of the Javanese set."""
    names = tuple(f"{k:02}-" for k in (1, 2, 3, 5, 6, 7)[:people])
    return Case(models, preset, "javanese_av", names, clips, options)


CASES = (
    javanese("audio", FAST, 3, 6),
    javanese("audio", "modern", 3, 6, "--no-score"),
    javanese("face", "modern", 3, 4),
    javanese("mouth", "modern", 3, 4),
    javanese("face,audio,mouth", FAST, 3, 4),
    javanese("audio", "modern", 3, 6),
    javanese("face", "paper", 3, 6),
    javanese("mouth", "modern", 3, 12),
    javanese("face,audio,activity,mouth", FAST, 3, 4),
    Case("audio", "paper", "ravdess_speech", ("01.", "02.", "03."), 8),
)


def clips_of(case: Case, data: Path, folder: Path) -> Path:
    """A folder of links to the files of a case."""
    folder.mkdir()
    every = sorted((data / case.folder).iterdir())
    for person in case.people:
        mine = [
            file for file in every
            if file.name.startswith(person) or file.name.endswith(f"-{person}{file.suffix[1:]}")
        ]  # fmt: skip
        for file in mine[: case.per_person]:
            (folder / file.name).symlink_to(file.resolve())
    return folder


def run(*words: object) -> tuple[str, float]:
    """Standard output of a command of ``emonets``, and its seconds."""
    command = [sys.executable, "-W", "ignore", "-m", "emonets", *map(str, words)]
    began = time.monotonic()
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT, env=dict(os.environ)
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return done.stdout, time.monotonic() - began


def estimated(text: str) -> float:
    """The seconds of all stages together, as a dry run prints them."""
    match = re.search(r"In all about ([\d.]+) (s|min|h)\b", text)
    if match is None:
        sys.exit(f"no estimate in: {text}")
    return float(match[1]) * _UNITS[match[2]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", help="cases whose name contains this text")
    args = parser.parse_args()
    for case in CASES:
        if args.only and args.only not in case.what:
            continue
        with tempfile.TemporaryDirectory() as work:
            clips = clips_of(case, args.data.resolve(), Path(work, "clips"))
            words = ("train", clips, "--out", Path(work, "b"), "--preset", case.preset)
            words = (*words, "--models", case.models, *case.options)
            text, _ = run(*words, "--dry-run")
            guess = estimated(text)
            _, real = run(*words)
            n = len(list(clips.iterdir()))
        print(f"{case.what}, {n} clips: {guess:.0f} s estimated, {real:.0f} s taken", flush=True)
        measured = {"estimate_s": guess, "training_s": real, "ratio": guess / real}
        write_results("estimate", [
            Evidence(
                what=case.what, data=f"{n} clips of {case.folder}", metric=metric, value=value,
                command="python benchmarks/estimate.py --data DATA", n=n,
            )
            for metric, value in measured.items()
        ])  # fmt: skip


if __name__ == "__main__":
    main()
