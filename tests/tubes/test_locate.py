"""Face crops without coordinates are found in their frames."""

from __future__ import annotations

from dataclasses import dataclass

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.errors import DataError, ParameterError
from emonets.tubes.builder import TubeBuilder
from emonets.tubes.locate import haar_errors, haar_values, locate, locate_crop, locate_crops


@dataclass(frozen=True)
class Picture:
    index: int
    time: float
    image: np.ndarray


def read(path, count):
    with av.open(str(path)) as container:
        frames = []
        for i, frame in enumerate(container.decode(video=0)):
            if i == count:
                break
            frames.append(Picture(i, float(frame.time), frame.to_ndarray(format="rgb24")))
        return frames


@pytest.fixture(scope="module")
def frames(happy):
    return read(happy, 12)


def textured(seed, height=70, width=90):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (height // 5, width // 5, 3)).astype(np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def jpeg(crop, quality):
    return cv2.imdecode(cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10_000))
def test_any_crop_is_found_exactly(data, seed):
    image = textured(seed)
    h, w = data.draw(st.integers(9, 70)), data.draw(st.integers(9, 90))
    y, x = data.draw(st.integers(0, 70 - h)), data.draw(st.integers(0, 90 - w))
    box = locate_crop(image, image[y : y + h, x : x + w])
    assert box is not None
    assert box.tolist() == [x, y, x + w, y + h]


@pytest.mark.parametrize(("quality", "off"), [(95, 0), (75, 1), (50, 2)])
def test_crops_saved_as_jpeg_are_found(frames, quality, off):
    image = frames[5].image
    for x, y, w, h in [(160, 80, 150, 160), (171, 103, 121, 125), (200, 120, 61, 75)]:
        box = locate_crop(image, jpeg(image[y : y + h, x : x + w], quality))
        assert box is not None
        assert np.abs(box - (x, y, x + w, y + h)).max() <= off


def test_crops_from_elsewhere_are_not_found(frames, angry):
    image = frames[5].image
    other = read(angry, 20)[-1].image
    # the same person, before the same wall, in another clip
    assert locate_crop(image, other[90:240, 170:310]) is None
    face = image[80:240, 160:310]
    assert locate_crop(image, np.ascontiguousarray(face[::-1])) is None
    assert locate_crop(image, np.ascontiguousarray(face[..., ::-1])) is None
    assert locate_crop(image, textured(3)) is None
    assert locate_crop(image, np.full((40, 40, 3), 9, np.uint8)) is None
    assert locate_crop(image, np.zeros((400, 20, 3), np.uint8)) is None


def test_errors_equal_a_loop_over_pixels():
    image, crop = textured(1, 30, 40), textured(2, 11, 8)
    errors = haar_errors(image, crop)
    assert errors.shape == (20, 33)

    def values(part):
        p = part.astype(float)
        top, bottom = p[:5].sum((0, 1)), p[5:].sum((0, 1))
        left, right = p[:, :4].sum((0, 1)), p[:, 4:].sum((0, 1))
        one = p[:5, :4].sum((0, 1)) + p[5:, 4:].sum((0, 1))
        other = p[:5, 4:].sum((0, 1)) + p[5:, :4].sum((0, 1))
        return np.stack([top - bottom, left - right, one - other])

    np.testing.assert_allclose(haar_values(crop), values(crop))
    for y, x in [(0, 0), (19, 32), (7, 13), (19, 0)]:
        part = image[y : y + 11, x : x + 8]
        expected = ((values(part) - values(crop)) ** 2).sum()
        assert errors[y, x] == pytest.approx(expected, rel=1e-5)


def test_resized_crops_with_scales(frames):
    image = frames[5].image
    face = image[80:240, 160:310]
    double = cv2.resize(face, (300, 320), interpolation=cv2.INTER_CUBIC)
    assert locate_crop(image, double) is None
    box = locate_crop(image, double, scales=(1.0, 0.75, 0.5))
    assert np.abs(box - (160, 80, 310, 240)).max() <= 1
    half = cv2.resize(face, (75, 80), interpolation=cv2.INTER_AREA)
    box = locate_crop(image, half, scales=(1.0, 2.0))
    assert np.abs(box - (160, 80, 310, 240)).max() <= 2
    assert locate_crop(image, half, scales=(0.001, 100.0)) is None


def test_located_crops_become_a_tube(frames):
    crops = {f.index: [f.image[80:240, 160:310]] for f in frames if f.index != 4}
    builder, tubes = TubeBuilder(), []
    for frame, located in locate_crops(frames, crops):
        assert len(located.boxes) == len(located.scores) == (frame.index != 4)
        tubes += builder.add(frame, located)
    (tube,) = tubes + builder.finish()
    assert tube.index.tolist() == list(range(12))
    assert tube.detected.tolist() == [i != 4 for i in range(12)]
    np.testing.assert_allclose(tube.raw_boxes[3], (160, 80, 310, 240))


def test_several_crops_in_one_frame(frames):
    image = frames[0].image
    found = locate(image, [image[80:240, 160:310], textured(5), image[:90, 10:200]])
    assert found.boxes.tolist() == [[160, 80, 310, 240], [10, 0, 200, 90]]
    assert found.scores.min() > 0.999
    assert locate(image, []).boxes.shape == (0, 4)


def test_bad_input(frames):
    image = frames[0].image
    with pytest.raises(DataError, match="frame"):
        locate(image[..., 0], [image[:5, :5]])
    with pytest.raises(DataError, match="crop 1"):
        locate(image, [image[:5, :5], image[:1, :5]])
    with pytest.raises(DataError, match="uint8"):
        locate_crop(image, image[:5, :5].astype(float))
    for scales in ((), (0.0,), (float("nan"),)):
        with pytest.raises(ParameterError, match="scales"):
            locate_crop(image, image[:5, :5], scales=scales)
