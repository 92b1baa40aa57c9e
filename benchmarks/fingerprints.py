"""How well fingerprints recognise clips that were encoded anew, trimmed or cut in half.

    python benchmarks/fingerprints.py --data DATA [--results]

DATA holds ravdess_speech, emodb, javanese_speech, javanese_av, ravdess_av, crema_d and fer2013.npz,
as far as they are there. Of each corpus all clips are kept; some are altered and looked up, by
audio and by pictures apart. The hard case is another clip of the same sentence by the same person:
every clip, and its middle half, is looked up among all others of its corpus. What is found there
are false matches, or copies that the corpus itself holds; the pairs are printed.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.datasets import open_dataset
from emonets.evaluation.near_duplicates import near_duplicates
from emonets.evaluation.records import Evidence, write_results
from emonets.media.clip import SOUND_RATE, Frame, open_clip
from emonets.provenance.corpus import make_corpus
from emonets.provenance.pictures import RULE as PICTURES
from emonets.provenance.pictures import STEP as PICTURE_STEP
from emonets.provenance.pictures import picture_words, thumbnail
from emonets.provenance.prints import clip_words, prints_of
from emonets.provenance.sound import RATE, RULE, STEP, sound_words, to_rate
from emonets.provenance.stills import find_stills, still_words
from emonets.provenance.words import HOP, WordIndex

COMMAND = "python benchmarks/fingerprints.py --data DATA --results"
AUDIO = ("ravdess_speech", "emodb", "javanese_speech", "javanese_av")
VIDEO = ("javanese_av", "ravdess_av", "crema_d")
CODECS = {"libmp3lame": "mp3", "libopus": "ogg", "aac": "adts"}
TRIMMED = 0.3  # seconds at both ends
SEED = 0

Samples = NDArray[np.float32]
Pictures = list[tuple[float, NDArray[np.uint8]]]


def coded(samples: Samples, codec: str, bits: int, rate: int) -> Samples:
    """Audio at 48 kHz after a codec, at 8 kHz."""
    file = io.BytesIO()
    with av.open(file, "w", format=CODECS[codec]) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.layout, stream.bit_rate = "mono", bits
        resampler = av.AudioResampler(stream.codec_context.format.name, "mono", rate)
        frame: Any = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = SOUND_RATE
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        back = av.AudioResampler("fltp", "mono", SOUND_RATE)
        frames = [f for frame in container.decode(audio=0) for f in back.resample(frame)]
        frames += back.resample(None)
    return at_8k(np.concatenate([frame.to_ndarray()[0] for frame in frames]))


def at_8k(samples: Samples) -> Samples:
    return to_rate([samples], SOUND_RATE)


def cut(samples: Samples) -> Samples:
    edge = int(TRIMMED * SOUND_RATE) + 137  # no whole number of words
    return samples[edge:-edge]


def middle(samples: Samples) -> Samples:
    return samples[len(samples) // 4 + 211 : len(samples) // 4 + len(samples) // 2 + 211]


AUDIO_CHANGES: Mapping[str, Callable[[Samples], Samples]] = {
    "mp3 32 kbit/s at 16 kHz": lambda x: coded(x, "libmp3lame", 32_000, 16_000),
    "opus 32 kbit/s, gain 0.3": lambda x: coded(0.3 * x, "libopus", 32_000, 48_000),
    "aac 48 kbit/s at 44.1 kHz": lambda x: coded(x, "aac", 48_000, 44_100),
    "opus 32 kbit/s, trimmed by 0.3 s at both ends": lambda x: coded(
        cut(x), "libopus", 32_000, 48_000
    ),
    "middle half": lambda x: at_8k(middle(x)),
    "middle half, opus 32 kbit/s": lambda x: coded(middle(x), "libopus", 32_000, 48_000),
}


def filmed(
    pictures: Pictures, codec: str, bits: int, *, scale: float = 0.5, rate: int = 30,
    start: float = 0.0, end: float = 1.0, edge: float = 0.0, light: float = 1.0,
) -> NDArray[np.uint64]:  # fmt: skip
    """The words of pictures after a codec."""
    length = pictures[-1][0]
    low, high = max(start * length, edge), min(end * length, length - edge)
    times = np.array([t for t, _ in pictures])
    height, width = (int(x * scale) // 2 * 2 for x in pictures[0][1].shape[:2])
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = (
            width,
            height,
            "yuv420p",
            bits,
        )
        for t in np.arange(low, high, 1 / rate):
            image = pictures[int(np.searchsorted(times, t + 1e-6, side="right")) - 1][1]
            small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
            bright = np.clip(small * light, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(bright, format="rgb24")))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        frames = [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
    return picture_words([thumbnail(image) for _, image in frames], [t for t, _ in frames])


VIDEO_CHANGES: Mapping[str, Callable[[Pictures], NDArray[np.uint64]]] = {
    "half size, H.264 100 kbit/s": lambda x: filmed(x, "libx264", 100_000),
    "half size, MPEG-4 150 kbit/s, 25 fps, light 1.15": lambda x: filmed(
        x, "mpeg4", 150_000, rate=25, light=1.15
    ),
    "half size, H.264 100 kbit/s, trimmed by 0.3 s at both ends": lambda x: filmed(
        x, "libx264", 100_000, edge=0.317
    ),
    "middle half, H.264 200 kbit/s": lambda x: filmed(
        x, "libx264", 200_000, scale=1, start=0.26, end=0.76
    ),
}


def looked_up(
    words: list[Any], altered: Iterator[tuple[int, Mapping[str, Any]]], rule: Any
) -> dict[str, list[tuple[bool, bool]]]:
    """By change: (the right clip was found, another one was) of each clip."""
    kept = [some[::HOP] for some in words]
    index = WordIndex(np.concatenate(kept), np.array([len(k) for k in kept]), rule)
    found: dict[str, list[tuple[bool, bool]]] = {}
    for i, changed in altered:
        for name, asked in changed.items():
            match = index.find(asked)
            right = match.copy and match.clip == i
            found.setdefault(name, []).append((right, match.copy and not right))
    return found


def among_others(words: list[Any], rule: Any) -> tuple[dict[str, int], list[tuple[int, int, Any]]]:
    """How many clips, and how many of their halves, have a copy among the others; which."""
    kept = [some[::HOP] for some in words]
    lengths = np.array([len(k) for k in kept])
    whole, begins = np.concatenate(kept), np.cumsum(lengths) - lengths
    counts, pairs = {"whole clips": 0, "middle halves": 0}, []
    for i, some in enumerate(words):
        others = whole.copy()
        others[begins[i] : begins[i] + lengths[i]] = 0
        index = WordIndex(others, lengths, rule)
        half = some[len(some) // 4 : len(some) // 4 + len(some) // 2]
        for name, asked in (("whole clips", some), ("middle halves", half)):
            match = index.find(asked)
            if match.copy:
                counts[name] += 1
                pairs.append((i, match.clip, match))
    return counts, pairs


def measure(kind: str, data: Path, corpus: str, sample: int) -> list[Evidence]:
    items = open_dataset(data / corpus).items
    prints = prints_of(items, kinds=(kind,))
    words: list[Any] = list(prints.sound if kind == "sound" else prints.pictures)
    rule = RULE if kind == "sound" else PICTURES
    chosen = np.random.default_rng(SEED).permutation(len(items))[:sample]

    def altered() -> Iterator[tuple[int, Mapping[str, Any]]]:
        for i in chosen.tolist():
            clip = open_clip(items[i].path)
            if kind == "sound":
                samples = clip.read_sound().samples
                yield i, {k: sound_words(f(samples)) for k, f in AUDIO_CHANGES.items()}
            else:
                pictures = [(frame.time, frame.image) for frame in clip.frames()]
                yield i, {k: f(pictures) for k, f in VIDEO_CHANGES.items()}

    what = "audio fingerprint" if kind == "sound" else "picture fingerprint"
    rows = []

    def row(split: str, metric: str, value: float, n: int, note: str = "") -> None:
        rows.append(Evidence(what=what, data=corpus, split=split, metric=metric, value=value, n=n,
                        command=COMMAND, seed=SEED, note=note))  # fmt: skip

    for name, results in looked_up(words, altered(), rule).items():
        right, wrong = np.mean(results, axis=0)
        row(name, "share of clips found", right, len(results))
        row(name, "share with another clip in its place", wrong, len(results))
    counts, pairs = among_others(words, rule)
    for name, count in counts.items():
        row(f"{name}, against all others", "share with another clip in its place",
            count / len(items), len(items), "copies within the corpus count, too")  # fmt: skip
    for i, j, match in pairs:
        print(f"{corpus}: {items[i].path.name} as {items[j].path.name}, {match.share:.3f} of the "
              f"bits of {match.words} words differ")  # fmt: skip
    seconds = sum(len(w) * (STEP / RATE if kind == "sound" else PICTURE_STEP) for w in words)
    size = sum(w[::HOP].nbytes for w in words) / seconds * 3
    row("all", "bytes for 3 s", size, len(items))
    return rows


def stills(data: Path, sample: int) -> list[Evidence]:
    faces = open_dataset(data / "fer2013.npz").still_faces()
    kept, others = faces.take("Training"), faces.take("PrivateTest")
    words = still_words(kept.images)
    rng = np.random.default_rng(SEED)
    some = kept.images[rng.permutation(len(kept))[:sample]]

    def jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
        return cv2.imdecode(cv2.imencode(".jpg", image, [1, quality])[1], 0)

    def warped(image: NDArray[np.uint8], scale: float, x: float, y: float) -> NDArray[np.uint8]:
        rest = 23.5 * (1 - scale)
        matrix = np.array([[scale, 0, rest + x], [0, scale, rest + y]])
        return cv2.warpAffine(image, matrix, (48, 48), borderMode=cv2.BORDER_REPLICATE)

    changes: Mapping[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
        "JPEG, quality 50": lambda x: jpeg(x, 50),
        "half size and back": lambda x: cv2.resize(x[::2, ::2] // 2 + x[1::2, 1::2] // 2, (48, 48)),
        "light 0.7, JPEG, quality 70": lambda x: jpeg((x * 0.7 + 20).astype(np.uint8), 70),
        "mirrored": lambda x: np.ascontiguousarray(x[:, ::-1]),
        "shifted by 2 and 1 pixels": lambda x: warped(x, 1, 2, 1),
        "10 % larger": lambda x: warped(x, 1.1, 0, 0),
    }  # fmt: skip
    rows = []

    def row(split: str, metric: str, value: float, n: int, note: str = "") -> None:
        rows.append(Evidence(what="still fingerprint", data="fer2013", split=split, metric=metric,
                        value=value, n=n, command=COMMAND, seed=SEED, note=note))  # fmt: skip

    for name, change in changes.items():
        found = find_stills(np.stack([change(x) for x in some]), words)
        row(name, "share of clips found", found.mean(), len(found))
    asked = others.images[rng.permutation(len(others))[: 2 * sample]]
    began = time.perf_counter()
    found = find_stills(asked, words)
    seconds = (time.perf_counter() - began) / len(asked)
    copies = near_duplicates(asked, kept.images)
    near, apart = copies.found & ~copies.exact, ~copies.found & (copies.score < 0.8)
    note = "against near_duplicates, which compares pixels"
    row("PrivateTest, near copies of Training", "share of clips found", found[near].mean(),
        int(near.sum()), note)  # fmt: skip
    row("PrivateTest, others", "share with another clip in its place", found[apart].mean(),
        int(apart.sum()), note)  # fmt: skip
    row("PrivateTest", "milliseconds a still", 1000 * seconds, len(asked))
    row("all", "bytes a still", words.nbytes / len(words), len(words))
    return rows


def costs(data: Path, corpus: str, sample: int) -> list[Evidence]:
    """Time of a clip's fingerprint, decoding included, as a multiple of decoding alone."""
    items = open_dataset(data / corpus).items[:sample]
    decode, take = [], []
    for item in items * 3:
        began = time.process_time()
        for part in open_clip(item.path).decode():
            assert isinstance(part, Frame) or part.samples.size
        decode.append(time.process_time() - began)
        began = time.process_time()
        clip_words(item.path)
        take.append(time.process_time() - began)
    shape = (3, len(items))
    slow = np.reshape(take, shape).min(axis=0).sum()
    base = np.reshape(decode, shape).min(axis=0).sum()
    command = {"data": corpus, "command": COMMAND, "n": len(items), "seed": SEED}
    return [
        Evidence(what="fingerprints / decoding", metric="ratio", value=slow / base, **command),
        Evidence(what="fingerprints", metric="milliseconds a clip", value=1000 * slow / len(items),
            **command),
    ]  # fmt: skip


def whole_card(data: Path) -> list[Evidence]:
    """Bytes of what a bundle keeps of a corpus."""
    rows = []
    for corpus in dict.fromkeys((*AUDIO, *VIDEO)):
        if (data / corpus).exists():
            opened = open_dataset(data / corpus)
            made = make_corpus(corpus, prints_of(opened.items), opened.groups)
            size = sum(array.nbytes for array in made.to_arrays().values())
            rows.append(Evidence(what="corpus in a bundle", data=corpus, metric="kilobytes",
                            value=size / 1000, n=len(made), command=COMMAND))  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=60, help="clips of a corpus to alter")
    parser.add_argument("--results", action="store_true", help="write docs/results/fingerprints")
    args = parser.parse_args()
    rows: list[Evidence] = []
    for corpus in AUDIO:
        if (args.data / corpus).exists():
            rows += measure("sound", args.data, corpus, args.sample)
    for corpus in VIDEO:
        if (args.data / corpus).exists():
            rows += measure("pictures", args.data, corpus, args.sample)
    if (args.data / "fer2013.npz").exists():
        rows += stills(args.data, 10 * args.sample)
    for corpus in ("javanese_av", "ravdess_speech"):
        if (args.data / corpus).exists():
            rows += costs(args.data, corpus, args.sample // 2)
    rows += whole_card(args.data)
    for one in rows:
        print(f"{one.what}; {one.data}; {one.split}; {one.metric}: {one.value:.4g} (n {one.n})")
    if args.results:
        write_results("fingerprints", rows)


if __name__ == "__main__":
    main()
