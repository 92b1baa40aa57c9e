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
out two at a time, and networks are trained on the others (as ``tools/train_speakers.py`` does, some
minutes; they are kept in DIR). CREMA-D and GRID were in no training: there the network
that ships is measured. GRID's clips are measured if a folder ``grid`` of DATA or DIR holds some.

``--peer`` names a copy of Light-ASD (github.com/Junhua-Liao/Light-ASD @ ed38c23, MIT), whose
network scores the same scenes, of some clips. Where the lips move most needs no network.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from emonets.evaluation.records import Evidence, write_results
from emonets.media.clip import SOUND_RATE, open_clip
from emonets.model import load
from emonets.one_pass import read_clip
from emonets.runtime.files import write_whole
from emonets.voices.speakers import THRESHOLD, Speakers, SpeakersReader
from emonets.voices.speakers_input import GRID_RATE, Bands, on_grid
from emonets.voices.speakers_network import SpeakersNetwork, load_network
from speakers_material import Talk, clips_of, decode, noisy, talks_of
from train_speakers import MEASURED, train

COMMAND = "python benchmarks/who_speaks.py --data DATA --work DIR"
FOLDS = (("02", "05"), ("03", "10"), ("06", "07"))
"""Actors that are left out together. On 01 and 08 the threshold was chosen: they are not here."""
MOVES = 0.4
"""Pixels of a FER2013 face; the best threshold for the baseline, on the clips that are measured."""
EVERY = {"javanese_av": 8, "crema_d": 3, "grid": 3}
"""Which clips a peer is measured on: it is slow."""
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
Mouths = NDArray[np.float32]
Scorer = Callable[[Mouths, int, Talk, bool], NDArray[np.float32]]
"""Shapes of a mouth (n, 8) from a step on, audio of a clip, in noise or not → (n,) or (n, 3)."""


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


def scored_by(network: SpeakersNetwork) -> Scorer:
    """By the network."""

    def score(mouths: Mouths, first: int, talk: Talk, in_noise: bool) -> NDArray[np.float32]:
        levels = in_noise_of(talk) if in_noise else talk.levels
        return network.score(mouths, first, Bands(levels, talk.start))

    return score


def in_noise_of(talk: Talk) -> NDArray[np.uint8]:
    """Levels of a clip's audio in noise, the same each time."""
    rng = np.random.default_rng(sum(map(ord, talk.name)))
    x = talk.levels * np.float32(0.5) - 110
    silence = np.full_like(x, -110)
    mixed = noisy(x, rng, silence)
    return np.rint(np.clip((mixed + 110) / 0.5, 0, 255)).astype(np.uint8)


def moves(mouths: Mouths, first: int, talk: Talk, in_noise: bool) -> NDArray[np.float32]:
    """How much the gap of the lips changes within 1 s, whatever the audio."""
    gap = np.pad(mouths[:, 0], GRID_RATE // 2, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(gap, GRID_RATE)[: len(mouths)]
    return (around.std(axis=1) - MOVES + THRESHOLD).astype(np.float32)


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
        silent = [t.listener(min(view, len(t.mouths) - 1), count, rng) for t in order[:12]]
        silent = [m for m in silent if m is not None]
        moving = [
            t.mouths[min(view, len(t.mouths) - 1)] for t in order if sentence(t) != sentence(talk)
        ]
        moving = [m[:count] for m in moving if len(m) >= count]
        pools = {
            LISTENER: [score(m, first, talk, in_noise) for m in silent[:2]],
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


def sentence(talk: Talk) -> str:
    """The sentence of a clip, in the words of its corpus."""
    if talk.corpus == "grid":
        return talk.name
    return talk.name.split("-" if talk.corpus == "javanese_av" else "_")[1]


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
        rest = [t for t in talks if not t.group.startswith(away)]
        write_whole(path, save(train(rest)))
    return load_network(path)


def folds_of(talks: Sequence[Talk], work: Path) -> Iterator[tuple[str, list[Talk], Any]]:
    """Data, clips of actors that a network did not learn from, and that network."""
    for left in FOLDS:
        groups = tuple(f"javanese {x}" for x in left)
        yield (
            "javanese_av",
            [t for t in talks if t.group in groups],
            fold_network(talks, left, work),
        )
    for corpus in MEASURED:
        some = [t for t in talks if t.corpus == corpus]
        if len(some) > 2:
            yield corpus, some, load_network()


def peer_talks(data: Sequence[Path], talks: Sequence[Talk]) -> list[Talk]:
    """The same clips, with pictures of 112 × 112 in the place of shapes."""
    from light_asd import pictures_of

    wanted = {(talk.corpus, talk.name): talk for talk in talks}
    out = []
    for corpus, path in clips_of(data):
        talk = wanted.get((corpus, path.stem))
        if talk is not None:
            times, crops, _ = decode(path)
            steps, pictures = on_grid(times, pictures_of(crops))
            every = np.arange(steps[0], steps[-1] + 1)
            whole = pictures[np.searchsorted(steps, every, side="right") - 1]
            out.append(replace(talk, firsts=[int(steps[0])], mouths=[whole]))
    return out


def scored_by_peer(copy: Path, work: Path) -> Scorer:
    """By Light-ASD, whose own threshold is 0."""
    from light_asd import LightAsd, at_16k

    network = LightAsd(copy)

    def score(mouths: Mouths, first: int, talk: Talk, in_noise: bool) -> NDArray[np.float32]:
        kept = np.load(work / f"{talk.corpus}__{talk.name}.npz")
        samples = kept["samples"].astype(np.float32)
        begin = first / GRID_RATE - float(kept["start"])
        return network.score(mouths, at_16k(samples, SOUND_RATE, begin)) + THRESHOLD

    return score


def cost(data: Path, repeats: int = 4) -> list[Evidence]:
    """Time that the reader adds to a pass with the default model, in the same process."""
    model, rows = load(), []
    clips = sorted((data / "javanese_av").glob("*-02-03_01.mp4"))[:4]
    for faces in (1, 2):
        ratios = []
        with tempfile.TemporaryDirectory() as folder:
            for k in range(repeats):
                path = clips[k % len(clips)]
                if faces == 2:
                    path = side_by_side(path, clips[(k + 1) % len(clips)], Path(folder))
                spent = []
                for with_speakers in (False, True):
                    readers: dict[str, Any] = {n: s.open() for n, s in model.specialists.items()}
                    if with_speakers:
                        readers["speakers"] = SpeakersReader()
                    began = time.process_time()
                    read_clip(open_clip(path), readers)
                    spent.append(time.process_time() - began)
                ratios.append(spent[1] / spent[0] - 1)
        ratios = sorted(ratios[1:])
        rows.append(Evidence(
            what="speakers", data="javanese_av", metric="ratio", n=len(ratios),
            split=f"processor time added to one pass of the default model, {faces} face(s)",
            value=float(np.median(ratios)), low=ratios[0], high=ratios[-1],
            command=COMMAND + " --cost", note="low and high are the extremes of the repeats",
        ))  # fmt: skip
        print(rows[-1].split, rows[-1].value, ratios)
    return rows


def side_by_side(left: Path, right: Path, folder: Path) -> Path:
    """A film of two clips beside each other, with the sound of the first."""
    out = folder / f"{left.stem}+{right.stem}.mp4"
    pictures = zip(open_clip(left).frames(), open_clip(right).frames(), strict=False)
    sound = open_clip(left).read_sound().samples
    with av.open(str(out), "w") as container:
        video: Any = container.add_stream("libx264", rate=30)
        audio: Any = container.add_stream("aac", rate=SOUND_RATE)
        audio.layout, video.pix_fmt = "mono", "yuv420p"
        for number, (a, b) in enumerate(pictures):
            image = np.hstack([a.image, b.image[: a.image.shape[0]]])
            if number == 0:  # the encoder is opened by the first picture
                video.height, video.width = image.shape[:2]
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())
        for begin in range(0, len(sound) - 1023, 1024):
            part: Any = av.AudioFrame.from_ndarray(
                sound[None, begin : begin + 1024], "fltp", "mono"
            )
            part.sample_rate, part.pts = SOUND_RATE, begin
            container.mux(audio.encode(part))
        container.mux(audio.encode())
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--peer", type=Path, help="a copy of Light-ASD")
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--results", action="store_true")
    options = parser.parse_args()
    rows = cost(options.data) if options.cost else accuracies(options)
    if options.results:
        write_results("who_speaks", rows)


def accuracies(options: argparse.Namespace) -> list[Evidence]:
    """Rows of all scenes."""
    places, kept = [options.data, options.work], options.work / "clips"
    talks = talks_of(places, kept)
    rows, folds = [], list(folds_of(talks, options.work))
    if options.peer:
        peer = scored_by_peer(options.peer, kept)
        for data in dict.fromkeys(name for name, _, _ in folds):
            every = EVERY[data]
            ours, theirs = [], []
            for name, some, network in folds:
                if name == data:
                    chosen = [t for k, t in enumerate(some) if k % every == 0]
                    ours.append(measure(chosen, scored_by(network), 0))
                    theirs.append(measure(peer_talks(places, chosen), peer, 0))
            where = f"one clip in {every}; as recorded"
            rows += rows_of("speakers", data, where, ours, options)
            rows += rows_of("Light-ASD", data, where, theirs, options)
        return rows
    conditions = {"as recorded": (0, False), "altered pictures, noise": (1, True)}
    for condition, (view, in_noise) in conditions.items():
        for what in ("speakers", "most movement"):
            for data in dict.fromkeys(name for name, _, _ in folds):
                parts = [
                    measure(some, scored_by(network) if what == "speakers" else moves, view,
                            in_noise=in_noise)
                    for name, some, network in folds if name == data
                ]  # fmt: skip
                rows += rows_of(what, data, condition, parts, options)
    return rows


def rows_of(
    what: str, data: str, where: str, parts: Sequence[dict[str, Tally]], options: argparse.Namespace
) -> list[Evidence]:
    """A row a scene, printed."""
    rows, note = [], ""
    if what == "most movement":
        note = "its threshold was chosen on these clips"
    elif data == "grid":
        note = "11 clips of unnamed people, each counted as an actor"
    for scene, tally in merged(parts).items():
        if tally.right:
            command = COMMAND + (" --peer LIGHT_ASD" if options.peer else "")
            row = tally.row(what, data, f"{scene}; {where}", command, note)
            rows.append(row)
            low, high = row.low or 0, row.high or 0
            print(f"{what:14s} {data:12s} {row.split:75s} {row.n:5d} {row.value:.3f}"
                  f" [{low:.3f}, {high:.3f}]", flush=True)  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
