"""Where somebody speaks: what is missed in speech, what is found where there is none, and the cost.

    python benchmarks/speech.py [--data DATA] [--more NPZ ...] [--sounds FOLDER] [--clips 60]

Speech: RAVDESS, EMO-DB and the Javanese corpus in DATA; with ``--more`` others, each a file
with the arrays ``audio`` (all clips in one, int16), ``start``, ``stop``, ``rate`` and ``speaker``.
Each clip is measured as recorded and under some of the conditions of `speech_sounds`. No speech:
made sounds (`speech_sounds.MADE`); with ``--sounds`` also recordings below FOLDER, where these
Debian packages were unpacked: asterisk-moh-opsound-wav, hyperrogue-music, libreoffice-common,
lomiri-sounds, oxygen-sounds, sonic-pi-samples, sound-theme-freedesktop, tuxpaint-stamps-default and
wesnoth-1.16-music. Of these, files with words in them are left out by their names.

Half of the persons and sounds choose the threshold; the table is of the other half. The baseline is
the gate that ``sound_found`` was before: any sound that is no silence. With the package
webrtcvad-wheels, its detector is measured too.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from emonets.datasets import open_dataset
from emonets.errors import EmoNetsError
from emonets.evaluation.records import write_results
from emonets.media.clip import SOUND_RATE, SoundChunk, open_clip
from emonets.specialists.audio.reader import SILENCE
from emonets.voices.speech import NEEDED, ON, Speech, SpeechReader, speech_mask
from emonets.voices.speech_network import STEP
from speech_sounds import CONDITIONS, MADE, RATE, make

BASELINE = "any sound but silence"
OURS = f"speech detector / baseline {BASELINE}"
WEBRTC = f"webrtcvad, mode 2 / baseline {BASELINE}"
COMMAND = "python benchmarks/speech.py --more MORE/*.npz --sounds SOUNDS --clips 30 --made 20"
CORPORA = ("ravdess_speech", "emodb", "javanese_speech")
RECORDED = {
    "recorded music": r"moh-opsound|wesnoth|/hr\d[^/]*\.ogg|lomiri",
    "recorded instruments": r"sonic-pi",
    "recorded animals, vehicles, tools": r"tuxpaint|gallery/sounds",
    "recorded signals of a desktop": r"oxygen|sound-theme-freedesktop",
}
WORDS = r"_desc|/(symbols|people|seasonal|space)/|apollo|ghost|audio-channel|/ok\.wav"
SECONDS = 6.0  # of a recording
Sound = NDArray[np.float64]


def testing(name: str) -> bool:
    """Whether a person or sound belongs to the half that is measured."""
    return bool(hashlib.sha256(name.encode()).digest()[0] & 1)


def read(path: Path, seconds: float = SECONDS) -> Sound:
    """The first seconds of a file at 16 kHz."""
    parts, count = [], 0
    for chunk in open_clip(path).sound():
        parts.append(chunk.samples)
        count += chunk.samples.size
        if count > seconds * SOUND_RATE:
            break
    whole = np.concatenate([np.zeros(0, np.float32), *parts])[: int(seconds * SOUND_RATE)]
    return soxr.resample(whole, SOUND_RATE, RATE).astype(np.float64)


def speech_clips(data: Path, more: list[Path], most: int) -> Iterator[tuple[str, str, Sound]]:
    """Corpus, person and sound of clips in which somebody speaks."""
    for name in CORPORA:
        items = open_dataset(data / name).items
        for i in np.random.default_rng(0).permutation(len(items))[:most].tolist():
            yield name, items[i].group, read(items[i].path)
    for path in more:
        with np.load(path, allow_pickle=False) as file:
            audio, rate = file["audio"], int(file["rate"])
            for i in np.random.default_rng(0).permutation(len(file["start"]))[:most].tolist():
                x = audio[file["start"][i] : file["stop"][i]].astype(np.float64) / 32768
                yield path.stem, str(file["speaker"][i]), soxr.resample(x, rate, RATE)


def other_sounds(folder: Path | None, made: int) -> Iterator[tuple[str, str, Sound]]:
    """Kind, name and sound of what holds no speech."""
    for kind in MADE:
        for seed in range(made):
            yield kind, f"{kind} {seed}", make(kind, seed)
    for path in sorted(folder.rglob("*")) if folder is not None else []:
        name = path.as_posix()
        kind = next((k for k, pattern in RECORDED.items() if re.search(pattern, name)), "")
        sound = path.suffix.lower() in (".wav", ".ogg", ".oga", ".flac")
        if not kind or not sound or path.is_symlink() or re.search(WORDS, name):
            continue
        try:
            x = read(path)
        except EmoNetsError:
            continue
        if len(x) >= RATE // 2 and np.ptp(x) > SILENCE:
            yield kind, path.name, x


class Detectors:
    """What each detector finds, and how long it takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.sound = 0.0
        try:
            import webrtcvad
        except ImportError:
            self.webrtc = None
        else:
            self.webrtc = webrtcvad

    def measure(self, x: Sound) -> tuple[NDArray[np.float32], bool, bool | None]:
        """Probabilities of ours, what the gate finds, and what webrtcvad finds."""
        high = soxr.resample(x.astype(np.float32), RATE, SOUND_RATE, "MQ")
        self.sound += len(x) / RATE
        began = time.process_time()
        reader = SpeechReader()
        for first in range(0, len(high), 4800):
            reader.push_sound(SoundChunk(first / SOUND_RATE, high[first : first + 4800]))
        p = reader.finish()["speech"]
        self.seconds[OURS] += time.process_time() - began
        began = time.process_time()
        blocks = high[: len(high) // 480 * 480].reshape(-1, 480)
        loud = bool((np.ptp(blocks, axis=1) > SILENCE).any())
        self.seconds[BASELINE] += time.process_time() - began
        if self.webrtc is None:
            return p, loud, None
        began = time.process_time()
        vad = self.webrtc.Vad(2)
        pcm = (np.clip(x, -1, 1) * 32767).astype(np.int16)
        size = RATE * 30 // 1000
        found = [
            vad.is_speech(pcm[i : i + size].tobytes(), RATE)
            for i in range(0, len(pcm) - size + 1, size)
        ]
        self.seconds[WEBRTC] += time.process_time() - began
        return p, loud, sum(found) * 0.03 >= 0.25


def finds(p: NDArray[np.float32], on: float = ON) -> bool:
    """Whether speech is found in a clip."""
    if on == ON:
        return Speech(0.0, STEP, p).found_in(0.0, len(p) * STEP)
    return float(speech_mask(p, on=on).sum()) * STEP >= min(NEEDED, len(p) * STEP / 2)


def wilson(k: int, n: int) -> tuple[float, float]:
    """95 % interval of a share of k in n."""
    z, p = 1.96, k / n
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, float((middle - half) / scale)), min(1.0, float((middle + half) / scale))


def main() -> None:
    root = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data")
    parser.add_argument("--more", type=Path, nargs="*", default=[])
    parser.add_argument("--sounds", type=Path)
    parser.add_argument("--clips", type=int, default=60, help="of each corpus")
    parser.add_argument("--made", type=int, default=40, help="sounds of each made kind")
    parser.add_argument("--out", type=Path, default=root / "docs" / "results")
    options = parser.parse_args()
    detectors = Detectors()
    # (data, whether speech, test half) → (p, gate, webrtcvad)
    found: dict[tuple[str, bool, bool], list[tuple[NDArray[np.float32], bool, bool | None]]]
    found = defaultdict(list)
    others: dict[bool, list[Sound]] = {False: [], True: []}
    for kind, name, x in other_sounds(options.sounds, options.made):
        half = testing(name)
        found[kind, False, half].append(detectors.measure(x))
        if len(x) > RATE:
            others[half].append(x[: 10 * RATE])
    print(f"no speech: {sum(map(len, found.values()))} sounds", flush=True)
    plain, *rest = CONDITIONS
    for k, (corpus, person, x) in enumerate(
        speech_clips(options.data, options.more, options.clips)
    ):
        half = testing(f"{corpus}/{person}")
        found[f"{corpus}, {plain}", True, half].append(detectors.measure(x))
        for c in (k % len(rest), (k + 3) % len(rest)):
            rng = np.random.default_rng([k, c])
            other = others[half][int(rng.integers(len(others[half])))]
            y = CONDITIONS[rest[c]](rng, x, other)
            found[f"all corpora, {rest[c]}", True, half].append(detectors.measure(y))
    report_choice(found)
    write_results("speech", [*table(found), *costs(detectors)], options.out)


def report_choice(found: dict) -> None:  # type: ignore[type-arg]
    """Print what each threshold does on the half that chooses."""
    for on in (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8):
        errors = {True: [], False: []}  # type: ignore[var-annotated]
        for (_, speech, half), items in found.items():
            if not half:
                errors[speech].append(np.mean([finds(p, on) != speech for p, *_ in items]))
        missed, false = (float(np.mean(errors[s])) for s in (True, False))
        print(f"threshold {on}: missed {missed:.3f}, false {false:.3f}, sum {missed + false:.3f}")


def table(found: dict) -> Iterator[dict[str, object]]:  # type: ignore[type-arg]
    """A row a kind and detector, then one of all speech as recorded and of all else."""
    groups = {(data, speech): items for (data, speech, half), items in found.items() if half}
    for name, speech, pattern in (
        ("all made sounds", False, r"^(?!recorded)"), ("all recorded sounds", False, "^recorded"),
        ("all corpora, as recorded", True, ", as recorded$"),
    ):  # fmt: skip
        groups[name, speech] = [
            x for (data, s), items in [*groups.items()]
            if s == speech and re.search(pattern, data) and "all " not in data for x in items
        ]  # fmt: skip
    for (data, speech), items in groups.items():
        results = {
            OURS: [finds(p) for p, _, _ in items], BASELINE: [gate for _, gate, _ in items],
            WEBRTC: [w for _, _, w in items if w is not None],
        }  # fmt: skip
        for what, each in results.items():
            if not each:
                continue
            wrong, n = sum(r != speech for r in each), len(each)
            low, high = wilson(wrong, n)
            yield {
                "what": what, "data": data, "split": "other half than the threshold's",
                "group": "clip", "n": n, "metric": "share missed" if speech else "share false",
                "value": wrong / n, "low": low, "high": high, "seed": 0, "command": COMMAND,
            }  # fmt: skip


def costs(detectors: Detectors) -> Iterator[dict[str, object]]:
    """Seconds a second of sound, and how these compare with the baseline's."""
    for what, seconds in detectors.seconds.items():
        for metric, value in (
            ("realtime", seconds / detectors.sound),
            ("ratio", seconds / detectors.seconds[BASELINE]),
        ):
            yield {
                "what": what, "data": "all of the above", "metric": metric, "value": value,
                "n": round(detectors.sound), "group": "second of sound", "command": COMMAND,
                "note": "seconds of one core a second of sound, in one process"
                if metric == "realtime" else "to the baseline's seconds in the same process",
            }  # fmt: skip


if __name__ == "__main__":
    main()
