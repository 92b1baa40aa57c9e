"""predict of arrays and of iterators: the numbers of the file of the same pixels and samples."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emonets
from emonets import EmoNets, MediaError, Result
from emonets.errors import ParameterError
from emonets.media import memory
from emonets.media.clip import open_clip
from media_files import write_media

FPS = 12.5


@pytest.fixture(scope="module")
def model() -> EmoNets:
    return emonets.load()


@pytest.fixture(scope="module")
def pixels(happy: Path) -> np.ndarray:
    images = [frame.image for frame in open_clip(happy).frames()]
    return np.stack(images[::4])


@pytest.fixture(scope="module")
def samples(happy: Path) -> np.ndarray:
    return (open_clip(happy).read_sound().samples * 32767).astype(np.int16)


@pytest.fixture(scope="module")
def film(pixels: np.ndarray, samples: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lossless file of them."""
    step = round(1000 / FPS)
    return write_media(
        tmp_path_factory.mktemp("film") / "film.mkv", video="ffv1", pixels="bgr0", options={},
        size=(pixels.shape[2], pixels.shape[1]), stamps=range(0, step * len(pixels), step),
        paint=lambda i: pixels[i], audio="pcm_s16le", sound=samples / np.float32(2**15),
    )  # fmt: skip


@pytest.fixture(scope="module")
def expected(model: EmoNets, film: Path) -> Result:
    return model.predict(film, models="all")


def check(found: Result, expected: Result) -> None:
    """The same rows, to 1e-3 s and 1e-4 in probability: mkv has times in ms."""
    assert [s.status for s in found.files] == [s.status for s in expected.files]
    assert len(found.rows) == len(expected.rows)
    for a, b in zip(found.rows, expected.rows, strict=True):
        assert (a.level, a.model, a.track, a.person, a.label, a.speaks) == (
            b.level, b.model, b.track, b.person, b.label, b.speaks
        )  # fmt: skip
        assert (a.start, a.end) == pytest.approx((b.start, b.end), abs=2e-3)
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-4)


@pytest.mark.parametrize(
    "form",
    [
        lambda pixels: {"frames": pixels, "fps": FPS},
        lambda pixels: {"frames": iter(pixels), "fps": FPS},
        lambda pixels: {
            "frames": [p[..., ::-1] for p in pixels], "bgr": True,
            "times": np.arange(len(pixels)) / FPS,
        },
    ],
    ids=["array", "iterator", "list with times"],
)  # fmt: skip
def test_frames_and_sound(
    model: EmoNets, pixels: np.ndarray, samples: np.ndarray, expected: Result,
    form: Callable[[Any], dict[str, Any]],
) -> None:  # fmt: skip
    found = model.predict(**form(pixels), sound=samples, rate=48_000, models="all", name="take 1")
    check(found, expected)
    assert {row.file for row in found.rows} == {"take 1"}


def test_frames_alone_and_sound_alone(
    model: EmoNets, film: Path, pixels: np.ndarray, samples: np.ndarray
) -> None:
    check(model.predict(frames=pixels, fps=FPS, models="face"), model.predict(film, models="face"))
    alone = model.predict(sound=samples / 2.0**15, rate=48_000)
    check(alone, model.predict(film, models="audio"))
    assert alone.files[0].file == "sound"


def test_a_row_a_picture_too(model: EmoNets, pixels: np.ndarray) -> None:
    found = model.predict(frames=pixels[:4], fps=5, models="face", frame_rows=True)
    assert [row.level for row in found.rows] == ["frame"] * 4 + ["face", "clip"]


class Blind:
    """A detector that finds nothing."""

    name = "blind"

    def detect(self, image: np.ndarray) -> Any:
        from emonets.tubes.boxes import Detections

        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


def test_the_second_search_of_an_iterator(
    model: EmoNets, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = pixels[:4]
    face = model.with_models("face")
    again = face.predict(frames=iter(some), fps=FPS, detector=Blind())
    assert again.rows == face.predict(frames=some, fps=FPS, detector=Blind()).rows
    assert again.files[0].status == "ok"
    monkeypatch.setattr(memory, "MOST_KEPT", some[0].nbytes)
    once = face.predict(frames=iter(some), fps=FPS, detector=Blind())
    assert once.files[0].status == "no face"
    assert "can be read only once" in once.files[0].message


def test_nothing_is_kept_once_a_face_is_found(model: EmoNets, pixels: np.ndarray) -> None:
    clip = memory.open_memory((pixels[i % len(pixels)] for i in range(30)), fps=FPS)
    assert model.predict_clip(clip, models="face").rows[-1].face_found
    assert clip._frames is not None
    source = clip._frames.source
    assert isinstance(source, memory._Once)
    assert source._read == 30
    assert len(source._kept) < 25  # those read ahead until the face is certain


def test_what_is_refused(model: EmoNets, pixels: np.ndarray, happy: Path) -> None:
    for given, text in (
        ({"paths": happy, "frames": pixels}, "paths and frames are given"),
        ({"paths": happy, "times": np.arange(3)}, "times belongs to frames"),
        ({"paths": happy, "rate": 48_000}, "rate belongs to sound"),
        ({"paths": happy, "bgr": True}, "bgr belongs to frames"),
        ({"paths": pixels}, r"array of shape .*; give arrays as frames or sound"),
        ({"frames": pixels}, "frames need fps"),
        ({"frames": [pixels[0], pixels[1][:99]], "fps": FPS}, r"frames\[1\]: has 480x99 pixels"),
    ):
        with pytest.raises(ParameterError, match=text):
            model.predict(**given)
    with pytest.raises(MediaError, match="frames: has no sound; the audio model requires it"):
        model.predict(frames=pixels, fps=FPS, models="audio")
    with pytest.raises(MediaError, match="sound: has no video stream"):
        model.predict(sound=np.zeros(9000), rate=8000, models="face")


def test_a_model_is_described_in_a_line(model: EmoNets) -> None:
    text = repr(model)
    assert text.startswith("EmoNets(bundle='modern', specialists=['face', 'audio', ")
    assert "device='cpu'" in text
    assert len(text) < 160
    assert "fusion='product'" in repr(model.with_models("face").with_fusion("product"))


def test_threads_share_a_model(pixels: np.ndarray, samples: np.ndarray) -> None:
    model = emonets.load()  # nothing of it is open yet

    def one(number: int) -> Any:
        some = pixels[number : number + 3]
        if number % 2:
            return [model.look(image) for image in some[:1]]
        sound = samples[1000 * number :]
        return model.predict(
            frames=some, fps=FPS, sound=sound, rate=48_000, models="all"
        ).rows  # fmt: skip

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(one, range(4)))
    assert together == [one(number) for number in range(4)]
