"""Where somebody speaks: found in speech of any level, and not in what is no speech."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from emonets.errors import BundleError
from emonets.media.clip import SOUND_RATE, SoundChunk, open_clip
from emonets.runtime.weights import verified_weights
from emonets.voices.speech import AVERAGED, Speech, SpeechReader, averaged, speech_mask
from emonets.voices.speech_network import SHA256, STEP, WEIGHTS
from emonets.voices.speech_stream import AROUND, BLOCK, SpeechStream, level_of

Sound = NDArray[np.float32]


def detect(samples: NDArray[np.floating], start: float = 0.0, size: int = 4096) -> Speech:
    reader = SpeechReader()
    for first in range(0, len(samples), size):
        part = np.asarray(samples[first : first + size], np.float32)
        reader.push_sound(SoundChunk(start + first / SOUND_RATE, part))
    speech = Speech.of(reader.finish())
    assert speech is not None
    return speech


@pytest.fixture(scope="module")
def voice(happy: Path) -> Sound:
    """1.9 s: somebody speaks from 0.5 to 1.4."""
    return open_clip(happy).read_sound().samples


def noise(seconds: float, low: float, high: float, seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    sos = signal.butter(2, [low, high], "band", fs=SOUND_RATE, output="sos")
    made = signal.sosfilt(sos, rng.normal(size=int(seconds * SOUND_RATE)))
    return np.asarray(made / made.std())


def tone(seconds: float, *hertz: float) -> NDArray[np.float64]:
    t = np.arange(int(seconds * SOUND_RATE)) / SOUND_RATE
    return np.sum([np.sin(2 * np.pi * f * t) for f in hertz], axis=0)


def hum() -> NDArray[np.float64]:
    return tone(4, 50, 100, 150, 250) + 0.05 * noise(4, 100, 8000)


def fan() -> NDArray[np.float64]:
    return noise(4, 60, 1500)


def chords() -> NDArray[np.float64]:
    fade = np.exp(-np.linspace(0, 3, SOUND_RATE))
    return np.concatenate(
        [tone(1, f, 2 * f, 1.25 * f, 1.5 * f, 3 * f) * fade for f in (130.8, 174.6, 196, 130.8)]
    )


def beeps() -> NDArray[np.float64]:
    return tone(4, 941, 1336) * (np.arange(4 * SOUND_RATE) // (SOUND_RATE // 5) % 2)


def siren() -> NDArray[np.float64]:
    t = np.arange(4 * SOUND_RATE) / SOUND_RATE
    return np.sin(2 * np.pi * np.cumsum(900 + 400 * np.sin(2 * np.pi * 0.5 * t)) / SOUND_RATE)


def keys() -> NDArray[np.float64]:
    made = 0.01 * noise(4, 50, 8000)
    click = noise(0.03, 1000, 5000) * np.exp(-np.arange(int(0.03 * SOUND_RATE)) / 300)
    for at in np.random.default_rng(1).integers(0, len(made) - len(click), 25):
        made[at : at + len(click)] += click
    return made


def applause() -> NDArray[np.float64]:
    made = np.zeros(4 * SOUND_RATE)
    rng = np.random.default_rng(2)
    clap = np.exp(-np.arange(1500) / 250)
    for at in rng.integers(0, len(made) - 1500, 1200):
        made[at : at + 1500] += rng.uniform(0.2, 1) * clap * noise(0.03125, 600, 3000, int(at))
    return made


NO_SPEECH: list[Callable[[], NDArray[np.float64]]] = [
    hum, fan, chords, beeps, siren, keys, applause,
]  # fmt: skip


@pytest.mark.parametrize("make", NO_SPEECH, ids=lambda make: make.__name__)
@pytest.mark.parametrize("level", [-55.0, -15.0])
def test_no_speech_in_other_sounds(make: Callable[[], NDArray[np.float64]], level: float) -> None:
    made = make()
    speech = detect(made / made.std() * 10 ** (level / 20))
    assert speech.intervals() == []
    assert not speech.found_in(0, 4)


@pytest.mark.parametrize("gain", [1.0, 0.003, 6.0])
def test_speech_at_any_level(voice: Sound, gain: float) -> None:
    speech = detect(np.clip(voice * gain, -1, 1))
    ((start, end),) = speech.intervals()
    assert start == pytest.approx(0.4, abs=0.2)
    assert end == pytest.approx(1.4, abs=0.2)
    assert speech.found_in(0, 1.9)


def test_speech_in_noise_and_by_telephone(voice: Sound) -> None:
    loud = np.sort(np.abs(voice))[-len(voice) // 3 :].std()
    assert detect(voice + 0.6 * loud * noise(3, 60, 1500)[: len(voice)]).found_in(0, 1.9)
    sos = signal.butter(4, [300, 3400], "band", fs=SOUND_RATE, output="sos")
    assert detect(signal.sosfilt(sos, voice)).found_in(0, 1.9)


def test_speech_is_found_where_it_is(voice: Sound) -> None:
    """Between seconds of a fan, in a sound that starts late."""
    background = 0.02 * noise(12, 60, 1500).astype(np.float32)
    background[7 * SOUND_RATE : 7 * SOUND_RATE + len(voice)] += voice / np.abs(voice).max()
    speech = detect(background, start=100.0)
    ((start, end),) = speech.intervals()
    assert start == pytest.approx(107.4, abs=0.25)
    assert end == pytest.approx(108.4, abs=0.25)
    assert speech.share(100, 106) == 0
    assert speech.share(107.6, 108.2) == 1
    assert not speech.found_in(100, 106)


def test_pieces_of_any_size_give_the_same(voice: Sound) -> None:
    sound = np.concatenate([voice, 0.01 * voice, voice, 0.1 * voice[::-1], voice])
    whole = SpeechStream()
    whole.push(sound)
    expected = whole.finish()
    assert len(expected) == int(np.ceil(len(sound) / SOUND_RATE / STEP))
    for seed, most in enumerate((7, 5000, 200_000)):
        rng = np.random.default_rng(seed)
        stream, at = SpeechStream(), 0
        while at < len(sound):
            size = int(rng.integers(0, most)) if most > 7 else 1601
            stream.push(sound[at : at + size])
            at += size
        np.testing.assert_array_equal(stream.finish(), expected)


def test_memory_is_bounded() -> None:
    stream = SpeechStream()
    for _ in range(12):
        stream.push(np.zeros(5 * SOUND_RATE, np.float32))
        assert len(stream._waiting) <= AROUND + 2
    assert len(stream.finish()) == int(60 / STEP)


def test_no_sound_and_a_sample() -> None:
    assert len(detect(np.empty(0)).p) == 0
    assert detect(np.empty(0)).share(0, 1) == 0
    short = detect(np.zeros(48))
    assert len(short.p) == 1
    assert short.intervals() == []


def test_level() -> None:
    assert level_of(np.zeros(BLOCK, np.float32)) == -120
    assert level_of(np.full(100, 0.1, np.float32)) == pytest.approx(-20)
    half = np.concatenate([np.zeros(BLOCK // 2), np.full(BLOCK // 2, 0.1)]).astype(np.float32)
    assert level_of(half) == pytest.approx(-20)


def test_shares_and_spans() -> None:
    speech = Speech(10.0, 0.1, np.repeat(np.float32([0, 1, 0, 1]), (20, 20, 20, 20)))
    first, second = speech.intervals()
    assert first == pytest.approx((12.0, 14.0), abs=0.4)
    assert second == pytest.approx((16.0, 18.0), abs=0.4)
    assert speech.share(12.5, 13.5) == 1
    assert speech.share(0, 10) == speech.share(13, 13) == 0
    assert speech.share(10, 18) == pytest.approx(0.5, abs=0.1)
    assert speech.seconds(0, 100) == pytest.approx(4, abs=0.5)
    assert not speech.found_in(first[1] - 0.2, first[1] + 1)
    assert speech.found_in(first[1] - 0.3, first[1] + 1)
    assert speech.found_in(first[1] - 0.06, first[1] + 0.06)  # half of a short span
    near = speech.near(np.array([first[0] - 0.6, first[0] - 0.4, 13, first[1] + 0.4, 100]), 0.5)
    assert near.tolist() == [False, True, True, True, False]
    assert Speech.of({"frames": np.empty(0)}) is None


def test_mask() -> None:
    """Flicker is no speech, pauses between words are; a weak stretch needs a strong place."""
    p = np.zeros(400, np.float32)
    p[50:53] = 1.0
    assert not speech_mask(p).any()
    p[100:130] = p[136:170] = 1.0
    assert speech_mask(p)[100:170].all()
    p[250:350] = 0.4
    assert not speech_mask(p)[240:360].any()
    p[300:312] = 1.0
    assert speech_mask(p)[255:345].all()
    assert averaged(np.ones(3)).tolist() == [1, 1, 1]
    assert averaged(np.eye(1, 40, 20)[0]).max() == pytest.approx(1 / AVERAGED)


def test_weights_are_verified(tmp_path: Path) -> None:
    assert len(verified_weights(WEIGHTS, SHA256, "speech network")) < 3e6
    with pytest.raises(BundleError, match="the speech network cannot be read"):
        verified_weights(WEIGHTS, SHA256, "speech network", folder=tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"other")
    with pytest.raises(BundleError, match="the speech network is damaged or foreign"):
        verified_weights(WEIGHTS, SHA256, "speech network", folder=tmp_path)


@pytest.mark.parametrize("gap", [20.0, 60.0])
def test_silence_of_minutes_moves_nothing(voice: Sound, gap: float) -> None:
    """Blocks of zeros are not given to the network; what follows stays where it is."""
    alone = detect(voice).intervals()
    begin = len(voice) / SOUND_RATE + gap
    found = detect(np.concatenate([voice, np.zeros(int(gap * SOUND_RATE)), voice])).intervals()
    late = [span for span in found if span[0] > gap]
    assert late[0][0] - begin == pytest.approx(alone[0][0], abs=0.15)
    assert late[-1][1] - begin == pytest.approx(alone[-1][1], abs=0.15)
    assert all(end < begin - gap + 0.3 or start > begin - 0.1 for start, end in found)
