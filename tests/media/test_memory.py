"""A clip from memory: the frames and the sound of the file of the same pixels and samples."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emonets.errors import EmoNetsError, MediaError, ParameterError
from emonets.media import memory
from emonets.media.clip import Frame, Limits, SoundChunk, open_clip
from emonets.media.memory import MemoryClip, open_memory
from media_files import write_media

RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 256, (7, 12, 16, 3), dtype=np.uint8)
SAMPLES = (RNG.standard_normal((33_000, 2)) * 3000).astype(np.int16)


def frames_of(clip: Any, **options: Any) -> list[Frame]:
    return [part for part in clip.decode(**options) if isinstance(part, Frame)]


def sound_of(clip: Any) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in clip.sound()])


def same(one: list[Frame], other: list[Frame]) -> None:
    assert [f.index for f in one] == [f.index for f in other]
    assert [f.time for f in one] == pytest.approx([f.time for f in other], abs=1e-9)
    for a, b in zip(one, other, strict=True):
        assert (a.image == b.image).all()


def write_wav(path: Path, samples: np.ndarray, rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(samples.dtype.itemsize)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def test_an_array_has_the_frames_of_its_series(tmp_path: Path) -> None:
    for i, image in enumerate(PIXELS):
        data = cv2.imencode(".png", image[..., ::-1])[1]
        (tmp_path / f"frame_{i:03}.png").write_bytes(data.tobytes())
    file = open_clip(tmp_path, frame_rate=10)
    clip = open_memory(PIXELS, fps=10)
    same(frames_of(clip), frames_of(file))
    assert (clip.info.width, clip.info.height) == (16, 12)
    assert clip.info.duration == pytest.approx(file.info.duration)


def test_an_array_has_the_frames_and_durations_of_its_film(tmp_path: Path) -> None:
    path = write_media(
        tmp_path / "film.mkv", video="ffv1", pixels="bgr0", size=(16, 12), options={},
        stamps=range(0, 280, 40), paint=lambda i: PIXELS[i],
    )  # fmt: skip
    same(frames_of(open_memory(PIXELS, fps=25)), frames_of(open_clip(path)))
    assert {f.duration for f in frames_of(open_memory(PIXELS, fps=25))} == {0.04}


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_are_the_sound_of_their_file(tmp_path: Path, rate: int, channels: int) -> None:
    samples = SAMPLES[:, 0] if channels == 1 else SAMPLES
    wav = write_wav(tmp_path / "sound.wav", samples, rate)
    clip = open_memory(sound=samples, rate=rate)
    expected = sound_of(open_clip(wav))
    assert np.abs(sound_of(clip) - expected).max() < 1e-6
    for other in (samples / 2.0**15, samples.astype(np.int32) << 16):
        assert np.abs(sound_of(open_memory(sound=other, rate=rate)) - expected).max() < 1e-6


def test_opposite_channels_do_not_cancel() -> None:
    both = np.stack([SAMPLES[:, 0], -SAMPLES[:, 0]], axis=1)
    assert np.abs(sound_of(open_memory(sound=both, rate=16_000))).max() > 0.1


def test_frames_and_sound_are_interleaved_by_time() -> None:
    clip = open_memory(PIXELS, times=np.arange(7) * 0.3, sound=SAMPLES, rate=16_000)
    ends = [part.time for part in clip.decode()]
    assert ends == sorted(ends)
    assert clip.info.duration == pytest.approx(33_000 / 16_000)
    assert any(isinstance(part, SoundChunk) for part in clip.decode())
    assert len(frames_of(clip, sound=False, start=0.5)) == 5


def pictures(count: int = 7) -> Iterator[np.ndarray]:
    """Frames in one memory, as a camera's."""
    shared = np.empty_like(PIXELS[0])
    for i in range(count):
        shared[:] = PIXELS[i % 7]
        yield shared


def test_an_iterator_is_read_again_from_what_was_kept() -> None:
    clip = open_memory(pictures(), fps=10)
    assert np.isnan(clip.info.duration)
    assert len([frame for frame, _ in zip(clip.frames(), range(3), strict=False)]) == 3
    assert clip.repeatable
    expected = frames_of(open_memory(PIXELS, fps=10))
    same(frames_of(clip), expected)
    same(frames_of(clip), expected)


def test_little_of_an_iterator_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_KEPT", 2 * PIXELS[0].nbytes)
    clip = open_memory(pictures(), fps=10)
    assert len(frames_of(clip, ahead=True)) == 2  # the pass that counts has them all
    assert clip.repeatable
    same(frames_of(clip), frames_of(open_memory(PIXELS, fps=10)))
    assert not clip.repeatable
    with pytest.raises(EmoNetsError, match="can be read once only"):
        frames_of(clip)


def test_nothing_more_is_kept_once_no_pass_follows() -> None:
    clip = open_memory(pictures(), fps=10)
    clip.forget()
    assert len(frames_of(clip)) == 7
    assert not clip.repeatable


def test_limits_hold() -> None:
    clip = open_memory(pictures(), fps=10, limits=Limits(max_frames=4))
    assert len(frames_of(clip)) == 4
    assert clip.damaged
    clip = open_memory(sound=SAMPLES, rate=16_000, limits=Limits(max_duration=1))
    assert 1 <= sound_of(clip).size / 48_000 < 1.3
    assert clip.warnings == ["the rest was not read: it is beyond the limits"]


def test_pictures_are_turned_as_those_of_files() -> None:
    clip = open_memory(PIXELS, fps=10)
    clip.turn(1)
    assert clip.info.width == 12
    assert (frames_of(clip)[2].image == np.rot90(PIXELS[2], -1)).all()


def test_dark_pictures_of_16_bits_are_no_error_after_a_bright_one() -> None:
    deep = np.stack([PIXELS[0].astype(np.uint16) * 257, np.full_like(PIXELS[0], 3, np.uint16)])
    assert [f.image.max() > 0 for f in frames_of(open_memory(deep, fps=2))] == [True, False]


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "neither frames nor sound"),
    ({"frames": PIXELS}, "frames need fps.* such as fps=25"),
    ({"frames": PIXELS, "fps": 5, "times": range(7)}, "fps.*or times.*not both"),
    ({"frames": PIXELS, "fps": 0}, "fps=0: must be above 0"),
    ({"frames": PIXELS, "fps": "25"}, "fps must be the frames a second"),
    ({"frames": PIXELS, "times": 5}, "times must be the seconds"),
    ({"frames": PIXELS, "times": range(6)}, "7 frames and 6 times"),
    ({"frames": PIXELS, "times": [0, 1, 2, 2, 3, 4, 5]}, r"times\[3\]: is 2 s, not after 2 s"),
    ({"frames": PIXELS, "times": [0, 1, 0.5, 2, 3, 4, 5]}, r"times\[2\]: is 0.5 s, not after"),
    ({"frames": PIXELS, "times": [0, np.nan, 2, 3, 4, 5, 6]}, r"times\[1\]: is nan"),
    ({"frames": PIXELS, "times": [-1, 1, 2, 3, 4, 5, 6]}, r"times\[0\]: is -1"),
    ({"frames": PIXELS[:0], "fps": 5}, "one picture at least"),
    ({"frames": PIXELS[0], "fps": 5}, r"one picture; use emonets.look"),
    ({"frames": [], "fps": 5}, "holds no picture"),
    ({"frames": iter([]), "fps": 5}, "holds no picture"),
    ({"frames": 5, "fps": 5}, "got int"),
    ({"frames": "film.mp4", "fps": 5}, "give a file as paths"),
    ({"frames": PIXELS / 1.0, "fps": 5}, r"frames\[0\]: is float64.*if 255 is white"),
    ({"frames": PIXELS.transpose(0, 3, 1, 2), "fps": 5}, r"frames\[0\]: .*channels first"),
    ({"fps": 5, "sound": SAMPLES, "rate": 16_000}, "belong to frames"),
    ({"frames": PIXELS, "fps": 5, "rate": 16_000}, "rate belongs to sound"),
    ({"sound": SAMPLES}, "sound needs rate"),
    ({"sound": SAMPLES, "rate": 44.1}, "whole number of samples a second"),
    ({"sound": SAMPLES, "rate": "16k"}, "rate must be"),
    ({"sound": SAMPLES.T, "rate": 16_000}, r"channels first; turn it with array.T"),
    ({"sound": SAMPLES[:0], "rate": 16_000}, "holds no sample"),
    ({"sound": SAMPLES[None], "rate": 16_000}, r"samples are \(n,\)"),
    ({"sound": SAMPLES.astype(float), "rate": 16_000}, "array / 32768"),
    ({"sound": SAMPLES.astype(np.int32), "rate": 16_000}, "2147483648 is full scale"),
    ({"sound": SAMPLES.astype(np.int64), "rate": 16_000}, "type int64"),
    ({"sound": np.full(99, np.nan), "rate": 16_000}, "NaN or infinity"),
    ({"sound": "a.wav", "rate": 16_000}, "path of a sound file as paths"),
]


@pytest.mark.parametrize(("given", "text"), BAD)
def test_one_sentence_for_what_is_refused(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        open_memory(**given)


@pytest.mark.parametrize(
    ("frames", "options", "text"),
    [
        ([PIXELS[0], PIXELS[1][:5]], {"fps": 5}, r"frames\[1\]: has 16x5 pixels.*before 16x12"),
        ([PIXELS[0], None], {"fps": 5}, r"frames\[1\]: is no picture but NoneType"),
        (pictures(), {"times": iter([0.0, 1.0, 0.5])}, r"times\[2\]: is 0.5 s, not after 1 s"),
        (pictures(), {"times": iter([0.0, 1.0])}, "2 times and more frames"),
        (pictures(), {"times": range(9)}, "7 frames and 9 times"),
    ],
)
def test_what_is_wrong_later_is_found_there(frames: Any, options: Any, text: str) -> None:
    clip: MemoryClip = open_memory(frames, **options)
    with pytest.raises(ParameterError, match=text):
        frames_of(clip)


def test_an_error_of_the_iterator_is_its_own() -> None:
    def broken() -> Iterator[np.ndarray]:
        yield PIXELS[0]
        raise ConnectionResetError("the camera is gone")

    with pytest.raises(ConnectionResetError):
        frames_of(open_memory(broken(), fps=5))


def test_frames_beyond_the_limits_only_are_an_error() -> None:
    clip = open_memory(PIXELS, times=np.arange(7) + 100.0, limits=Limits(max_duration=50))
    with pytest.raises(MediaError, match="frames: nothing in it could be decoded"):
        frames_of(clip)
