"""Whose voice it is, in windows of 1 s with two and three faces: `emonets.voices.speakers`.

    python benchmarks/who_speaks.py --data ../shared/data --work DIR [--results]
    python benchmarks/who_speaks.py --data ../shared/data --work DIR --peer LIGHT_ASD [--results]
    python benchmarks/who_speaks.py --data ../shared/data --work DIR --cost [--results]

Scenes are made of clips in which one person speaks. The faces of other actors of the same corpus
are put beside: listeners (their pauses, forwards and backwards), or faces that speak another
sentence whose audio is removed. In an off-screen scene the speaker's own face is left out. A window
counts where speech fills half of it, and is right if every face gets the right answer: the speaker
True, all others False. A face without an answer is wrong.

Every scene has actors that neither training nor the threshold used. The Javanese actors are left
out two at a time, and a network is trained on the others (as ``tools/train_speakers.py`` does, three
minutes a network; they are kept in DIR). CREMA-D and GRID were in no training: there the network
that ships is measured. GRID's clips are measured if a folder ``grid`` of DATA or DIR holds some.

``--peer`` names a copy of Light-ASD (github.com/Junhua-Liao/Light-ASD @ ed38c23, MIT), whose network
scores the same scenes, of every eighth clip. Where the mouth moves most needs no network.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from speakers_material import MOUTH_SIZE, Talk, noisy, talks_of
from train_speakers import MEASURED, VIEWS, train

from emonets.evaluation.records import Evidence, write_results
from emonets.runtime.files import write_whole
from emonets.voices.speakers import Speakers
from emonets.voices.speakers_input import GRID_RATE, BandReader, Bands
from emonets.voices.speakers_network import load_network

COMMAND = "python benchmarks/who_speaks.py --data DATA --work DIR"
FOLDS = (("01", "08"), ("02", "05"), ("03", "10"), ("06", "07"))
STEPS = 800
LISTENER, OTHER = "a listener", "another sentence"
SCENES: dict[str, tuple[bool, tuple[str, ...]]] = {
    "the speaker alone": (True, ()),
    "two faces, one listens": (True, (LISTENER,)),
    "three faces, two listen": (True, (LISTENER, LISTENER)),
    "two faces, the other's sentence removed": (True, (OTHER,)),
    "three faces, the others' sentences removed": (True, (OTHER, OTHER)),
    "off-screen voice, one listens": (False, (LISTENER,)),
    "off-screen voice, two listen": (False, (LISTENER, LISTENER)),
    "off-screen voice, one face speaks another sentence": (False, (OTHER,)),
}
"""Whether the speaker is seen, and the other faces."""
Mouths = NDArray[np.uint8]
Scorer = Callable[[Mouths, int, Talk, bool], NDArray[np.float32]]
"""Mouths (n, 32, 32) from a step on, with the audio of a clip, in noise or not → (n,)."""


@dataclass(frozen=True)
class Known:
    """Where somebody speaks, at steps of the grid: known from the recording."""

    talks: NDArray[np.bool_]
    start: float = 0.0
    step: float = 1 / GRID_RATE

    def mask(self) -> NDArray[np.bool_]:
        return self.talks


@dataclass
class Tally:
    """Right and all windows of a scene, by actor."""

    right: dict[str, list[bool]]

    def add(self, group: str, right: bool) -> None:
        self.right.setdefault(group, []).append(right)

    def row(self, what: str, data: str, split: str, command: str, note: str) -> Evidence:
        """Accuracy, with a bootstrap interval over actors."""
        means = [(sum(r), len(r)) for r in self.right.values()]
        top, n = np.array(means).T
        rng = np.random.default_rng(0)
        drawn = rng.integers(0, len(n), (2000, len(n)))
        shares = top[drawn].sum(axis=1) / n[drawn].sum(axis=1)
        low, high = np.percentile(shares, [2.5, 97.5])
        few = len(n) < 2
        return Evidence(
            what=what, data=data, split=split, group="actor", n=int(n.sum()), metric="accuracy",
            value=float(top.sum() / n.sum()), low=None if few else float(low),
            high=None if few else float(high), seed=0, command=command, note=note,
        )  # fmt: skip


def scored_by(network: Any) -> Scorer:
    """By the network: mouths of 32 × 32."""

    def score(mouths: Mouths, first: int, talk: Talk, in_noise: bool) -> NDArray[np.float32]:
        levels, start = talk.levels, talk.start
        if in_noise:
            levels = in_noise_of(talk)
        return np.asarray(network.score(network.embed(mouths), first, Bands(levels, start)))

    return score


def in_noise_of(talk: Talk) -> NDArray[np.uint8]:
    """Levels of a clip's audio in noise, the same each time."""
    rng = np.random.default_rng(sum(map(ord, talk.name)))
    x = talk.levels * np.float32(0.5) - 110
    silence = np.full_like(x, -110)
    mixed = noisy(x, rng, silence)
    return np.rint(np.clip((mixed + 110) / 0.5, 0, 255)).astype(np.uint8)


def moves(mouths: Mouths, first: int, talk: Talk, in_noise: bool) -> NDArray[np.float32]:
    """How much a mouth moves, whatever the audio; the threshold is that of no movement."""
    x = mouths.astype(np.float32)
    change = np.abs(np.diff(x, axis=0, prepend=x[:1])).mean(axis=(1, 2))
    return (change / (x.std(axis=(1, 2)) + 6)).astype(np.float32)


def speaks(tracks: Sequence[NDArray[np.float32]], talk: Talk, first: int) -> Speakers:
    """Who speaks in a scene: of each face the scores at each step."""
    length = len(tracks[0])
    features = {
        "speaker_track": np.repeat(np.arange(len(tracks)), length),
        "speaker_step": np.tile(np.arange(first, first + length), len(tracks)),
        "speaker_score": np.concatenate(tracks),
    }
    return Speakers.of(features, Known(talk.talks))


def windows(talk: Talk, view: int) -> Iterator[tuple[float, float]]:
    """Windows of 1 s, half of which and more is speech."""
    first, count = talk.firsts[view], len(talk.mouths[view])
    for begin in range(first, first + count - GRID_RATE + 1, GRID_RATE // 2):
        if talk.speech_at(begin, GRID_RATE).sum() * 2 > GRID_RATE:
            yield begin / GRID_RATE, (begin + GRID_RATE) / GRID_RATE


def measure(
    talks: Sequence[Talk], score: Scorer, view: int, *, in_noise: bool = False, every: int = 1
) -> dict[str, Tally]:
    """All scenes of the clips of some actors, each clip once as the one who is audible."""
    rng = np.random.default_rng(0)
    tallies = {scene: Tally({}) for scene in SCENES}
    for talk in talks[::every]:
        own_view = min(view, len(talk.mouths) - 1)
        mouths, first = talk.mouths[own_view], talk.firsts[own_view]
        count = len(mouths)
        others = [t for t in talks if t.group != talk.group] or [t for t in talks if t is not talk]
        order = [others[k] for k in rng.permutation(len(others))]
        heard = [m for t in order[:12]
                 if (m := t.listener(min(view, len(t.mouths) - 1), count, rng)) is not None]  # fmt: skip
        moving = [t.mouths[min(view, len(t.mouths) - 1)] for t in order]
        moving = [m[:count] for m in moving if len(m) >= count]
        pools = {
            LISTENER: [score(m, first, talk, in_noise) for m in heard[:2]],
            OTHER: [score(m, first, talk, in_noise) for m in moving[:2]],
        }
        own = score(mouths, first, talk, in_noise)
        for scene, (seen, kinds) in SCENES.items():
            if any(len(pools[kind]) < kinds.count(kind) for kind in kinds):
                continue
            faces = [own] * seen + [pools[kind][k] for k, kind in enumerate(kinds)]
            found = speaks(faces, talk, first)
            for a, b in windows(talk, own_view):
                answers = [found.speaks([k], a, b) for k in range(len(faces))]
                right = answers == [True] * seen + [False] * len(kinds)
                tallies[scene].add(talk.group, right)
    return tallies


def merged(parts: Sequence[dict[str, Tally]]) -> dict[str, Tally]:
    """Of several folds."""
    out = {scene: Tally({}) for scene in SCENES}
    for part in parts:
        for scene, tally in part.items():
            for group, right in tally.right.items():
                out[scene].right.setdefault(group, []).extend(right)
    return out


def fold_network(talks: Sequence[Talk], left: Sequence[str], work: Path) -> Any:
    """A network that was trained without some Javanese actors."""
    path = work / f"without_{'_'.join(left)}.safetensors"
    if not path.exists():
        away = tuple(f"javanese {x}" for x in left) + MEASURED
        rest = [t for t in talks if not t.group.startswith(away) and t.talks.sum() > 15]
        write_whole(path, save(train(rest, steps=STEPS, seed=0)))
    return load_network(path)


def folds_of(talks: Sequence[Talk], work: Path) -> Iterator[tuple[str, list[Talk], Any]]:
    """Data, clips of actors that a network did not learn from, and that network."""
    for left in FOLDS:
        groups = tuple(f"javanese {x}" for x in left)
        yield "javanese_av", [t for t in talks if t.group in groups], fold_network(talks, left, work)
    for corpus in MEASURED:
        some = [t for t in talks if t.corpus == corpus]
        if len(some) > 2:
            yield corpus, some, load_network()


def cost() -> None:
    """Time that the reader adds to one pass over a clip, in per cent of the pass without it."""
    raise NotImplementedError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--results", action="store_true")
    options = parser.parse_args()
    talks = [t for t in talks_of([options.data, options.work], options.work / "clips", VIEWS)
             if t.talks.sum() > 15]  # fmt: skip
    folds = list(folds_of(talks, options.work))
    rows = []
    conditions = {"as recorded": (0, False), "altered pictures, noise": (1, True)}
    for condition, (view, in_noise) in conditions.items():
        for what in ("speakers", "most movement"):
            for data in dict.fromkeys(name for name, _, _ in folds):
                parts = [
                    measure(some, scored_by(network) if what == "speakers" else moves, view,
                            in_noise=in_noise)
                    for name, some, network in folds if name == data
                ]  # fmt: skip
                for scene, tally in merged(parts).items():
                    if not tally.right:
                        continue
                    row = tally.row(what, data, f"{scene}; {condition}", COMMAND, "")
                    print(f"{what:15s} {data:12s} {row.split:70s} {row.n:5d} {row.value:.3f}",
                          row.low and round(row.low, 3), row.high and round(row.high, 3),
                          flush=True)  # fmt: skip
                    rows.append(row)
    if options.results:
        write_results("who_speaks", rows)


if __name__ == "__main__":
    main()
