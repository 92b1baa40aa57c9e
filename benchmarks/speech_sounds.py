"""Sounds without speech, made from random numbers, and what happens to speech on its way.

All at 16 kHz, mono, full scale 1. `MADE` holds a maker a kind: ``(rng, seconds) -> (n,)``.
`CONDITIONS` holds what is done to speech: ``(rng, speech, noise) -> (n,)``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.linalg import solve_toeplitz

RATE = 16_000
Sound = NDArray[np.float64]
Rng = np.random.Generator


def coloured(rng: Rng, n: int, exponent: float) -> Sound:
    """Noise whose power falls with the frequency to this exponent: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.normal(size=n))
    f = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20.0)
    return unit(np.fft.irfft(spectrum * f ** (-exponent / 2), n))


def band(rng: Rng, n: int, low: float, high: float, order: int = 2) -> Sound:
    """Band-passed noise."""
    high = min(high, RATE / 2 - 100)
    sos = signal.butter(order, [low, high], "band", fs=RATE, output="sos")
    return unit(signal.sosfilt(sos, rng.normal(size=n)))


def unit(x: Sound) -> Sound:
    """The same sound with a root mean square of 1."""
    return np.asarray(x / max(float(np.sqrt(np.mean(x**2))), 1e-9))


def slow(rng: Rng, n: int, hertz: float, depth: float) -> Sound:
    """A random envelope of mean 1 that changes at about this rate."""
    points = max(int(n / RATE * hertz) + 2, 3)
    values = 1 + depth * rng.uniform(-1, 1, points)
    return np.interp(np.linspace(0, points - 1, n), np.arange(points), values)


def place(out: Sound, part: Sound, at: int) -> None:
    """Add a part to a sound at a sample; what hangs over is cut."""
    end = min(len(out), at + len(part))
    if end > at >= 0:
        out[at:end] += part[: end - at]


def tone(f: float | Sound, n: int, harmonics: int = 1, fall: float = 1.0) -> Sound:
    """A sine, or a sum of harmonics, of a constant or changing frequency."""
    phase = np.cumsum(np.broadcast_to(np.asarray(f, np.float64), n)) * 2 * np.pi / RATE
    top = RATE / 2 / max(float(np.max(f)), 1.0)
    parts = [np.sin(k * phase) / k**fall for k in range(1, harmonics + 1) if k < top]
    return np.sum(parts or [np.zeros(n)], axis=0)


def noise(rng: Rng, seconds: float) -> Sound:
    n = int(seconds * RATE)
    return coloured(rng, n, rng.choice([0.0, 1.0, 2.0])) * slow(rng, n, 1, rng.uniform(0, 0.5))


def fan(rng: Rng, seconds: float) -> Sound:
    n = int(seconds * RATE)
    blade = rng.uniform(40, 200)
    air = band(rng, n, 80, rng.uniform(800, 4000), 1)
    return air + 0.4 * unit(tone(blade * slow(rng, n, 0.5, 0.02), n, 6, 1.0))


def hum(rng: Rng, seconds: float) -> Sound:
    n = int(seconds * RATE)
    mains = rng.choice([50.0, 60.0])
    return unit(tone(mains, n, int(rng.integers(1, 20)), rng.uniform(0.5, 2))) + 0.05 * coloured(
        rng, n, 1.0
    )


def tones(rng: Rng, seconds: float) -> Sound:
    """Beeps, dialling, ringing."""
    n = int(seconds * RATE)
    out = np.zeros(n)
    at, length, pause = 0, rng.uniform(0.05, 0.6), rng.uniform(0.05, 0.8)
    two = rng.random() < 0.5
    f = rng.uniform(300, 2500, 2)
    while at < n:
        m = int(length * RATE)
        part = tone(f[0], m) + (tone(f[1], m) if two else 0)
        place(out, part * signal.windows.tukey(m, 0.1), at)
        at += int((length + pause) * RATE)
        if rng.random() < 0.5:
            f = rng.uniform(300, 2500, 2)
    return out


def siren(rng: Rng, seconds: float) -> Sound:
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    low, high, rate = rng.uniform(400, 700), rng.uniform(900, 1700), rng.uniform(0.2, 3)
    swing = (signal.sawtooth(2 * np.pi * rate * t, 0.5) + 1) / 2
    if rng.random() < 0.3:
        swing = np.round(swing)
    return tone(low + (high - low) * swing, n, 5, 1.2) + 0.1 * coloured(rng, n, 1)


def chords(rng: Rng, seconds: float) -> Sound:
    """Notes with envelopes: strings, organ, piano, plucked."""
    n = int(seconds * RATE)
    out = np.zeros(n)
    beat = rng.uniform(0.25, 1.2)
    attack, decay = rng.choice([0.005, 0.05, 0.2]), rng.uniform(0.3, 2)
    vibrato, fall = rng.choice([0.0, 0.006]), rng.uniform(0.8, 2)
    root = rng.uniform(80, 300)
    for at in np.arange(0, seconds, beat):
        for step in rng.choice([0, 3, 4, 7, 10, 12, 16], int(rng.integers(1, 5)), replace=False):
            m = int(min(beat * rng.uniform(0.8, 2.5), 3) * RATE)
            t = np.arange(m) / RATE
            f = root * 2 ** (step / 12) * (1 + vibrato * np.sin(2 * np.pi * 5.5 * t))
            place(out, tone(f, m, 8, fall) * np.minimum(t / attack, 1) * np.exp(-t / decay),
                  int(at * RATE))  # fmt: skip
        if rng.random() < 0.5:
            root *= 2 ** (rng.choice([-5, -2, 2, 5]) / 12)
            root = root if 80 <= root <= 400 else 150.0
    return out


def drums(rng: Rng, seconds: float) -> Sound:
    n = int(seconds * RATE)
    out = np.zeros(n)
    beat = 60 / rng.uniform(80, 170) / 2
    for k, at in enumerate(np.arange(0, seconds, beat)):
        t = np.arange(int(0.3 * RATE)) / RATE
        start = int(at * RATE)
        if k % 4 == 0:
            place(out, np.sin(2 * np.pi * (50 * t + 30 * (1 - np.exp(-t * 30)) / 30)) * np.exp(
                -t * 12), start)  # fmt: skip
        if k % 4 == 2:
            place(out, 0.3 * band(rng, len(t), 300, 5000) * np.exp(-t * 18), start)
        if rng.random() < 0.8:
            place(out, 0.15 * band(rng, len(t), 5000, 7800) * np.exp(-t * 60), start)
    return out


def music(rng: Rng, seconds: float) -> Sound:
    """Chords, a tune and drums together."""
    made = unit(chords(rng, seconds)) + rng.uniform(0, 1) * unit(drums(rng, seconds))
    return made + rng.uniform(0, 1) * unit(chords(rng, seconds))


def keys(rng: Rng, seconds: float) -> Sound:
    """Typing and mouse clicks in a quiet room."""
    n = int(seconds * RATE)
    out = 0.02 * coloured(rng, n, 1)
    at = rng.uniform(0, 0.3)
    low = rng.uniform(600, 2500)
    while at < seconds:
        for later, strength in ((0, 1.0), (rng.uniform(0.05, 0.12), 0.5)):
            m = int(0.04 * RATE)
            t = np.arange(m) / RATE
            click = band(rng, m, low * rng.uniform(0.8, 1.2), low * 3) * np.exp(-t / 0.006)
            place(out, strength * rng.uniform(0.4, 1) * click, int((at + later) * RATE))
        at += rng.gamma(2, 0.09) if rng.random() < 0.9 else rng.uniform(0.5, 1.5)
    return out


def crowd_laughter(rng: Rng, seconds: float) -> Sound:
    """Many people laugh at once: bursts of voiced breath at five a second, in a room."""
    n = int(seconds * RATE)
    out = np.zeros(n)
    for _ in range(int(rng.integers(25, 60))):
        f0, rate = rng.uniform(150, 500), rng.uniform(4, 6.5)
        at = rng.uniform(-1, seconds)
        formants = [rng.uniform(500, 1000), rng.uniform(1200, 2000), rng.uniform(2300, 3200)]
        for k in range(int(rng.integers(4, 15))):
            m = int(rng.uniform(0.06, 0.12) * RATE)
            source = tone(f0 * rng.uniform(0.9, 1.1) * np.linspace(1.05, 0.9, m), m, 20, 0.8)
            source = source + 2 * rng.normal(size=m) * rng.uniform(0.3, 1)
            part = np.zeros(m)
            for f in formants:
                peak = signal.iirpeak(f, f / 150, fs=RATE)
                part += signal.lfilter(*peak, source)
            gain = rng.uniform(0.3, 1) * 0.93**k
            place(out, gain * part * np.hanning(m), int((at + k / rate) * RATE))
    return unit(room(rng, out)) + 0.1 * coloured(rng, n, 1)


def applause(rng: Rng, seconds: float) -> Sound:
    n = int(seconds * RATE)
    out = np.zeros(n)
    for _ in range(int(rng.integers(15, 80))):
        low, rate, at = rng.uniform(500, 1500), rng.uniform(2.5, 5), rng.uniform(0, 0.4)
        while at < seconds:
            m = int(0.03 * RATE)
            clap = band(rng, m, low, low * 2.5) * np.exp(-np.arange(m) / RATE / 0.006)
            place(out, rng.uniform(0.3, 1) * clap, int(at * RATE))
            at += 1 / rate * rng.uniform(0.9, 1.1)
    return unit(room(rng, out)) + 0.1 * coloured(rng, n, 1)


def traffic(rng: Rng, seconds: float) -> Sound:
    n = int(seconds * RATE)
    rumble = coloured(rng, n, 1.8) * slow(rng, n, 0.4, 0.8)
    engine = tone(rng.uniform(25, 90) * slow(rng, n, 0.5, 0.3), n, 25, 0.7)
    return (
        rumble
        + rng.uniform(0, 0.7) * unit(engine)
        + 0.3 * band(rng, n, 300, 3000, 1) * slow(rng, n, 0.5, 0.9)
    )


def wind(rng: Rng, seconds: float) -> Sound:
    n = int(seconds * RATE)
    return coloured(rng, n, 2.2) * slow(rng, n, 1.5, 0.95) + 0.3 * band(
        rng, n, 300, 1500, 1
    ) * slow(rng, n, 1, 0.9)


def birds(rng: Rng, seconds: float) -> Sound:
    n = int(seconds * RATE)
    out = 0.03 * coloured(rng, n, 1)
    at = 0.0
    while at < seconds:
        low, m = rng.uniform(1800, 5000), int(rng.uniform(0.04, 0.25) * RATE)
        f = low * (1 + 0.3 * np.sin(np.linspace(0, rng.uniform(2, 25), m)))
        for k in range(int(rng.integers(1, 6))):
            place(out, tone(f, m, 2) * np.hanning(m), int((at + 1.3 * k * m / RATE) * RATE))
        at += rng.uniform(0.3, 1.5)
    return out


def barks(rng: Rng, seconds: float) -> Sound:
    """Short harsh calls of an animal."""
    n = int(seconds * RATE)
    out = 0.03 * coloured(rng, n, 1)
    at, f0 = rng.uniform(0, 0.5), rng.uniform(150, 700)
    while at < seconds:
        m = int(rng.uniform(0.1, 0.25) * RATE)
        call = tone(f0 * np.linspace(1.1, 0.7, m), m, 25, 0.6) * (1 + 0.8 * rng.normal(size=m))
        peak = signal.iirpeak(rng.uniform(600, 1300), 1.5, fs=RATE)
        place(out, signal.lfilter(*peak, call) * np.hanning(m) ** 0.5, int(at * RATE))
        at += rng.uniform(0.3, 1.2)
    return out


def machine(rng: Rng, seconds: float) -> Sound:
    """A drill, mixer or vacuum cleaner that speeds up and slows down."""
    n = int(seconds * RATE)
    f = rng.uniform(80, 400) * slow(rng, n, 0.7, 0.4)
    return unit(tone(f, n, 20, rng.uniform(0.4, 1))) + rng.uniform(0.2, 1) * coloured(rng, n, 1)


def silence(rng: Rng, seconds: float) -> Sound:
    """The least noise of a recorder, -75 to -95 dB."""
    return np.asarray(10 ** (rng.uniform(-95, -75) / 20) * coloured(rng, int(seconds * RATE), 0.5))


MADE: dict[str, Callable[[Rng, float], Sound]] = {
    "noise": noise, "fans": fan, "hum": hum, "tones": tones, "sirens": siren, "chords": chords,
    "drums": drums, "music": music, "keys": keys, "laughter of a crowd": crowd_laughter,
    "applause": applause, "traffic": traffic, "wind": wind, "birds": birds, "barks": barks,
    "machines": machine, "silence": silence,
}  # fmt: skip
CROWDS, MUSIC = ("laughter of a crowd", "applause"), ("chords", "drums", "music")


def make(kind: str, seed: int, seconds: float = 5.0) -> Sound:
    """A sound of a kind at a random level, -50 to -10 dB of full scale (silence as it is)."""
    rng = np.random.default_rng([seed, list(MADE).index(kind)])
    made = MADE[kind](rng, seconds)
    if kind != "silence":
        made = unit(made) * 10 ** (rng.uniform(-50, -10) / 20)
    return np.clip(made, -1, 1)


# --- what happens to speech ---------------------------------------------------------------------


def room(rng: Rng, x: Sound) -> Sound:
    """With the echo of a room of 0.2 to 0.8 s."""
    m = int(rng.uniform(0.2, 0.8) * RATE)
    tail = rng.normal(size=m) * np.exp(-6.9 * np.arange(m) / m) * 0.15
    tail[0] = 1.0
    return signal.fftconvolve(x, tail)[: len(x)]


def telephone(rng: Rng, x: Sound, other: Sound) -> Sound:
    """300 to 3,400 Hz, in the 8 bits of a telephone (mu-law)."""
    sos = signal.butter(5, [300, 3400], "band", fs=RATE, output="sos")
    y = signal.sosfilt(sos, x)
    y = y / max(float(np.abs(y).max()), 1e-9)
    code = np.round(np.sign(y) * np.log1p(255 * np.abs(y)) / np.log(256) * 127) / 127
    return np.sign(code) * (256 ** np.abs(code) - 1) / 255 * 0.5


def quiet(rng: Rng, x: Sound, other: Sound) -> Sound:
    """With its loud parts at -55 to -45 dB, in the noise of 16 bits."""
    y = x / max(active_level(x), 1e-9) * 10 ** (rng.uniform(-55, -45) / 20)
    return np.round(y * 32768 + rng.uniform(-0.5, 0.5, len(y))) / 32768


def whispered(rng: Rng, x: Sound, other: Sound) -> Sound:
    """Without a voice: noise in place of the vocal cords (linear prediction of order 20)."""
    size, hop, order = 400, 160, 20
    window = np.hanning(size)
    out = np.zeros(len(x) + size)
    for i in range(0, len(x) - size, hop):
        part = x[i : i + size] * window
        r = np.correlate(part, part, "full")[size - 1 : size + order]
        if r[0] < 1e-9:
            continue
        r[0] *= 1.001
        a = solve_toeplitz(r[:-1], r[1:])
        gain = np.sqrt(max(r[0] - float(a @ r[1:]), 0.0) / np.sum(window**2))
        y = signal.lfilter([1.0], np.concatenate([[1.0], -a]), gain * rng.normal(size=size))
        out[i : i + size] += y * window
    sos = signal.butter(2, 400, "high", fs=RATE, output="sos")
    return np.asarray(signal.sosfilt(sos, out[: len(x)]))


def in_noise(snr: float) -> Callable[[Rng, Sound, Sound], Sound]:
    """Mixed with another sound, which is weaker by ``snr`` dB than the speech in its loud parts."""

    def mix(rng: Rng, x: Sound, other: Sound) -> Sound:
        other = np.resize(other, len(x))
        loud = active_level(x)
        return x + other / max(active_level(other), 1e-9) * loud * 10 ** (-snr / 20)

    return mix


def active_level(x: Sound) -> float:
    """Root mean square of the frames within 25 dB of the loudest, 32 ms each."""
    whole = len(x) // 512 * 512
    power = np.mean(x[:whole].reshape(-1, 512) ** 2, axis=1) if whole else np.array([np.mean(x**2)])
    kept = power[power >= power.max() * 10**-2.5]
    return float(np.sqrt(np.mean(kept)))


CONDITIONS: dict[str, Callable[[Rng, Sound, Sound], Sound]] = {
    "as recorded": lambda rng, x, other: x,
    "quiet": quiet,
    "in a room": lambda rng, x, other: room(rng, x),
    "telephone": telephone,
    "whispered (made)": whispered,
    "noise, 10 dB": in_noise(10), "noise, 5 dB": in_noise(5), "noise, 0 dB": in_noise(0),
}  # fmt: skip
