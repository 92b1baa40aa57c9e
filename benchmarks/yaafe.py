"""The 909 audio features: how much faster than real time on one core, and what costs most.

    python benchmarks/yaafe.py

Times are processor time of one thread, so that what else the machine does matters little; the
wall clock is printed beside it. What a step costs in the plan is the shortest of many runs on one
block of frames; the filter over time of MFCC_d1 and MFCC_d2 is not in it.

Two baselines run in the same process: the 29 features one by one, nothing shared; and a loop over
frames that computes a dozen of them in the plainest way, each from the samples, by numpy's and
scipy's own functions (its numbers are checked to be ours).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.signal
from threadpoolctl import threadpool_limits

from emonets.evaluation.records import Evidence, write_results
from emonets.media.clip import open_clip
from emonets.specialists.audio.features import FEATURES, SOUND_RATE, yaafe_features
from emonets.specialists.audio.features.framing import BLOCK, cut_frames
from emonets.specialists.audio.features.plan import PLAN, Block

SECONDS = 60
PLAIN_SECONDS = 4
COMMAND = "python benchmarks/yaafe.py"
DATA = "sound of the example clips, 60 s in a loop"
SHARED = (
    "spectra", "magnitudes", "powers", "mel", "cepstra", "loudness", "octaves", "envelope",
    "autocorrelation",
)  # fmt: skip


def sound() -> np.ndarray:
    clips = sorted((Path(__file__).parents[1] / "examples").glob("*.flv"))
    pieces = np.concatenate([open_clip(clip).read_sound().samples for clip in clips])
    return np.resize(pieces, SECONDS * SOUND_RATE).astype(np.float64)


def seconds(run: Callable[[], object], repeats: int = 3) -> tuple[float, float]:
    """The least processor time and wall-clock time of a few runs."""
    spent = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        spent.append((time.process_time() - cpu, time.perf_counter() - wall))
    return min(cpu for cpu, _ in spent), min(wall for _, wall in spent)


# --- the plain way ------------------------------------------------------------------------------


def magnitude(f: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.rfft(f * scipy.signal.get_window("hann", len(f))))


def correlation(f: np.ndarray, lags: int) -> np.ndarray:
    return np.array([f[: len(f) - lag] @ f[lag:] for lag in range(lags)])


def predictor(f: np.ndarray, order: int) -> np.ndarray:
    r = correlation(f, order + 1)
    return scipy.linalg.solve_toeplitz(r[:-1], -r[1:])


def line_frequencies(f: np.ndarray) -> np.ndarray:
    c = np.concatenate([[1], predictor(f, 10), [0]])
    roots = [np.roots(np.polydiv(c + s * c[::-1], [1, s])[0]) for s in (1, -1)]
    angles = np.angle(np.concatenate(roots))
    return np.sort(angles[angles > 0])


def mel_cepstra(f: np.ndarray) -> np.ndarray:
    edges = 700 * np.expm1(np.linspace(*(1127 * np.log1p([130 / 700, 6854 / 700])), 42) / 1127)
    hertz = np.fft.rfftfreq(len(f), 1 / SOUND_RATE)
    a = magnitude(f)
    bands = [
        a @ np.interp(hertz, edges[b : b + 3], [0, 2 / (edges[b + 2] - edges[b]), 0])
        for b in range(40)
    ]
    return scipy.fft.dct(np.log10(bands), norm="ortho")[1:23]


def rolloff(f: np.ndarray) -> float:
    p = magnitude(f) ** 2
    left, k = p.sum(), len(p)
    while left > 0.99 * p.sum():
        k -= 1
        left -= p[k]
    return k * SOUND_RATE / len(f)


def modulus(f: np.ndarray) -> np.ndarray:
    e = np.pad(np.abs(scipy.signal.hilbert(f)), (2400, 152))
    taps = scipy.signal.windows.hann(4802)[1:-1][2400:]
    return np.array([e[(i + 1) * 200 : (i + 1) * 200 + 2400] @ taps for i in range(7)]) / taps.sum()


PLAIN: dict[str, Callable[[np.ndarray], object]] = {
    "AutoCorrelation": lambda f: correlation(f, 49),
    "Energy": lambda f: np.sqrt(np.mean(f**2)),
    "Envelope": modulus,
    "LPC": lambda f: predictor(f, 2),
    "LSF": line_frequencies,
    "MFCC": mel_cepstra,
    "MagnitudeSpectrum": magnitude,
    "SpectralDecrease": lambda f: (
        ((a := magnitude(f))[1:] - a[0]) / np.arange(1, len(a))
    ).sum() / a[1:].sum(),
    "SpectralFlatness": lambda f: np.exp(np.log(magnitude(f)).mean()) / magnitude(f).mean(),
    "SpectralRolloff": rolloff,
    "SpectralSlope": lambda f: np.polyfit(
        np.fft.rfftfreq(len(f), 1 / SOUND_RATE), a := magnitude(f), 1
    )[0] / a.sum(),
    "ZCR": lambda f: np.count_nonzero(np.diff(np.sign(f[f != 0]))) / len(f),
}  # fmt: skip


def plain(samples: np.ndarray) -> np.ndarray:
    return np.array([
        np.concatenate([np.atleast_1d(compute(f)) for compute in PLAIN.values()])
        for f in cut_frames(samples)
    ])  # fmt: skip


# --- what each costs ----------------------------------------------------------------------------


def own_costs(samples: np.ndarray) -> dict[str, float]:
    """Microseconds a frame of each shared step and of what each feature adds to them."""
    frames = cut_frames(samples[SOUND_RATE : 4 * SOUND_RATE])
    before = Block(frames[:BLOCK])
    steps = [(f"shared: {name}", lambda b, name=name: getattr(b, name)) for name in SHARED]
    steps += [(name, feature.compute) for name, feature in PLAN.items()]
    best = dict.fromkeys((name for name, _ in steps), np.inf)
    for _ in range(300):
        block = Block(frames[BLOCK : 2 * BLOCK], before)
        for name, step in steps:
            start = time.perf_counter()
            step(block)
            best[name] = min(best[name], (time.perf_counter() - start) / BLOCK * 1e6)
        for feature in PLAN.values():
            feature.compute(before)
    return best


def main() -> None:
    samples = sound()
    frames = len(cut_frames(samples))
    with threadpool_limits(1):
        yaafe_features(samples[:SOUND_RATE])
        cpu, wall = seconds(lambda: yaafe_features(samples), 5)
        alone = {
            name: seconds(lambda name=name: yaafe_features(samples, features=[name]))[0]
            for name in FEATURES
        }
        own = own_costs(samples)
        part = samples[: PLAIN_SECONDS * SOUND_RATE] + 1e-6  # no frame of zeros
        ours, theirs = yaafe_features(part, normalize=None, features=list(PLAIN)), plain(part)
        worst = (np.abs(ours - theirs).max(axis=0) / np.abs(theirs).max(axis=0)).max()
        assert worst < 1e-8, f"the plain loop computes something else: {worst:.1e}"
        fast = seconds(lambda: yaafe_features(part, normalize=None, features=list(PLAIN)))[0]
        slow = seconds(lambda: plain(part), 2)[0]
    unshared = sum(alone.values())
    print(f"909 features of {SECONDS} s: {SECONDS / cpu:.1f} times real time on one core")
    print(f"  (by the wall clock, with whatever else ran meanwhile: {SECONDS / wall:.1f})")
    print(f"against each of the 29 alone: {unshared / cpu:.1f} times as fast")
    print(f"{len(PLAIN)} features against a plain loop over frames: {slow / fast:.1f} times")
    dearest = max(alone, key=alone.__getitem__)
    step = max(own, key=own.__getitem__)
    print(f"costliest alone: {dearest}; costliest step of the plan: {step} ({own[step]:.1f} us)")
    print(f"\n{'microseconds a frame':34s} alone  in the plan")
    rows = [
        Evidence(what="909 audio features on one core", data=DATA, metric="realtime",
            value=SECONDS / cpu, n=frames, command=COMMAND,
            note="seconds of sound a second of processor time of one thread"),
        Evidence(what="909 audio features at once against each of the 29 alone", data=DATA,
            metric="ratio", value=unshared / cpu, n=frames, command=COMMAND),
        Evidence(what=f"{len(PLAIN)} audio features against a plain loop over frames", data=DATA,
            metric="ratio", value=slow / fast, n=len(theirs), command=COMMAND),
    ]  # fmt: skip
    for name in sorted(own, key=lambda name: -own[name]):
        each = alone[name] / frames * 1e6 if name in alone else None
        print(f"{name:34s} {'' if each is None else f'{each:5.1f}':5s}  {own[name]:5.2f}")
        costs = {"microseconds in the plan": own[name]}
        if each is not None:
            costs["microseconds alone"] = each
        rows += [
            Evidence(what=f"a frame of {name}", data=DATA, metric=metric, value=value, n=frames,
                command=COMMAND)
            for metric, value in costs.items()
        ]  # fmt: skip
    write_results("audio_features", rows)


if __name__ == "__main__":
    main()
