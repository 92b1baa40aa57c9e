"""From a real video to probabilities, in Python."""

from __future__ import annotations

import pickle
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import emonets
from emonets import EMOTIONS, EmoNets, MediaError, Result
from emonets.errors import BundleError, ParameterError
from emonets.media.clip import open_clip
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.tubes.boxes import Detections
from emonets.tubes.crop_folder import CropFolder
from emonets.tubes.pipeline import find_tubes, prefetch

SHOWN = "happy"
"""What the face alone shows in the happy example, by `modern`."""


@pytest.fixture(scope="module")
def model() -> EmoNets:
    return emonets.load().with_models(["face"]).with_fusion("product")


def write_clip(path: Path, images: list[np.ndarray], rate: int = 25) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in images:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        out.mux(stream.encode())
    return path


def test_a_real_clip(model: EmoNets, happy: Path) -> None:
    result = model.predict(happy)
    assert [row.track for row in result.rows] == [0, None]
    face, clip = result.rows
    assert face.label == clip.label == SHOWN
    assert clip.face_found
    times = [frame.time for frame in open_clip(happy).frames()]
    assert clip.start == pytest.approx(times[0])
    assert times[-1] < clip.end < times[-1] + 0.1
    assert face.start >= clip.start
    assert face.end <= clip.end + 1e-9
    assert sum(clip.probabilities) == pytest.approx(1)
    assert not result.failed
    assert "mean of the frame probabilities" in result.about["decision"]


def test_frames_follow_the_streams_own_times(model: EmoNets, happy: Path) -> None:
    result = model.predict(happy, frames=True)
    frames = [row for row in result.rows if row.model == "face/frame"]
    times = [frame.time for frame in open_clip(happy).frames()]
    assert [row.start for row in frames] == pytest.approx(times)
    whole = np.mean([row.probabilities for row in frames], axis=0)
    np.testing.assert_allclose(whole, result.clip_rows()[0].probabilities, atol=1e-9)


def test_same_input_same_answer(model: EmoNets, angry: Path) -> None:
    again = emonets.load().with_models(["face"]).with_fusion("product")
    assert model.predict(angry).rows == again.predict(angry).rows


def test_batch_and_alone_agree(model: EmoNets, happy: Path, angry: Path) -> None:
    together = model.predict([angry, happy], stride=6)
    alone = (*model.predict(angry, stride=6).rows, *model.predict(happy, stride=6).rows)
    assert together.rows == alone


def test_windows(model: EmoNets, happy: Path) -> None:
    result = model.predict(happy, window=0.5, stride=6)
    faces = [row for row in result.rows if row.track is not None]
    assert len(faces) == 4  # 1.87 s
    assert all(row.end - row.start <= 0.5 + 0.05 for row in faces)
    starts = [row.start for row in faces]
    assert starts == sorted(starts)
    overlapping = model.predict(happy, window=1.0, hop=0.25, stride=6)
    assert len(overlapping.rows) > len(result.rows)


def test_stride_changes_little(model: EmoNets, happy: Path) -> None:
    every = model.predict(happy, frames=True)
    third = model.predict(happy, frames=True, stride=3)
    assert len(every.rows) == len(third.rows)
    a, b = (np.array(r.clip_rows()[0].probabilities) for r in (every, third))
    assert np.abs(a - b).max() < 0.1


def test_two_people_get_two_tracks(model: EmoNets, happy: Path, tmp_path: Path) -> None:
    images = [frame.image for frame in open_clip(happy).frames()][24:44]
    pair = write_clip(tmp_path / "pair.mp4", [np.hstack([i, i[:, ::-1]]) for i in images])
    result = model.predict(pair)
    assert [row.track for row in result.rows] == [0, 1, None]
    assert {row.label for row in result.rows} == {SHOWN}


def test_a_still_of_two_people_and_a_film_of_one_frame(
    model: EmoNets, happy: Path, angry: Path, tmp_path: Path
) -> None:
    import cv2

    first, second = (
        [frame.image for frame in open_clip(path).frames()][30] for path in (happy, angry)
    )
    pair = np.hstack([first, second])
    still = tmp_path / "two.png"
    cv2.imwrite(str(still), pair[..., ::-1])
    for path in (still, write_clip(tmp_path / "one.mp4", [pair])):
        result = model.predict(path)
        assert [(row.level, row.person) for row in result.rows] == [
            ("face", 0), ("face", 1), ("clip", None),
        ]  # fmt: skip
        assert result.rows[0].label != result.rows[1].label  # each has an answer of their own
        together = emonets.load().predict(path)  # no sound: the rows of faces stay as they are
        assert [row.probabilities for row in together.rows if row.track is not None] == [
            row.probabilities for row in result.rows if row.track is not None
        ]


def test_no_face(model: EmoNets, tmp_path: Path) -> None:
    grey = write_clip(tmp_path / "grey.mp4", [np.full((120, 160, 3), 90, np.uint8)] * 5)
    result = model.predict(grey)
    (row,) = result.rows
    assert not row.face_found
    assert row.label is None
    assert row.probabilities == pytest.approx([1 / 7] * 7)
    assert result.files[0].status == "no face"
    assert result.failed


def test_a_picture_and_a_folder_of_frames(model: EmoNets, happy: Path, tmp_path: Path) -> None:
    import cv2

    images = [frame.image for frame in open_clip(happy).frames()]
    folder = tmp_path / "frames"
    folder.mkdir()
    for i, image in enumerate(images[30:36]):
        cv2.imwrite(str(folder / f"{i:03d}.png"), image[..., ::-1])
    result = model.predict(folder)
    assert result.clip_rows()[0].label == SHOWN
    single = model.predict(folder / "000.png")
    assert [(row.level, row.track, row.person) for row in single.rows] == [
        ("face", 0, 0), ("clip", None, None),
    ]  # fmt: skip
    assert single.rows[0].probabilities == single.rows[1].probabilities
    assert single.clip_rows()[0].face_found
    assert single.clip_rows()[0].end >= single.clip_rows()[0].start


def test_own_detector(model: EmoNets, happy: Path) -> None:
    class Fixed:
        name = "fixed"

        def detect(self, image: np.ndarray) -> Detections:
            box = np.array([[150, 60, 330, 240]], np.float32)
            return Detections(box, np.ones(1, np.float32), None)

    result = model.predict(happy, detector=Fixed())
    assert result.clip_rows()[0].face_found


def test_own_crops_without_coordinates(model: EmoNets, happy: Path, tmp_path: Path) -> None:
    import cv2

    class Blind:
        name = "blind"

        def detect(self, image: np.ndarray) -> Detections:
            return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), None)

    for frame in open_clip(happy).frames():
        if frame.index % 2 == 0:
            crop = frame.image[60:240, 150:330, ::-1]
            cv2.imwrite(str(tmp_path / f"face-0-{frame.index + 1:03d}.png"), crop)
    features = model.face.extract(open_clip(happy), detector=Blind(), crops=CropFolder(tmp_path))
    assert len(features["index"]) > 40  # the frames in between are found by colour
    assert set(features["track"]) == {0}
    centre = (features["boxes"][:, :2] + features["boxes"][:, 2:]) / 2
    np.testing.assert_allclose(centre, [[240, 150]] * len(centre), atol=25)
    result = model.predict(happy, crops=tmp_path)
    assert result.clip_rows()[0].face_found


@pytest.mark.parametrize(
    ("name", "text"), [("face.png", "frame number"), ("notes.txt", "no pictures")]
)
def test_wrong_crop_folders(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(MediaError, match=text):
        CropFolder(tmp_path)
    with pytest.raises(MediaError, match="no folder"):
        CropFolder(tmp_path / "nowhere")


def test_bundle_there_and_back(model: EmoNets, happy: Path, tmp_path: Path) -> None:
    again = EmoNets.load(model.save(tmp_path / "copy"))
    assert again.predict(happy, stride=6).rows == model.predict(happy, stride=6).rows


def test_svm_on_clips(model: EmoNets, happy: Path, angry: Path, tmp_path: Path) -> None:
    """Labelled clips train the SVM, and the bundle keeps it."""
    rng = np.random.default_rng(0)
    real = [model.face.extract(open_clip(path), stride=6) for path in (happy, angry)]
    features, labels = [], []
    for i in range(24):
        one = dict(real[i % 2])
        noisy = one["probabilities"] + rng.random(one["probabilities"].shape) * 0.1
        one["probabilities"] = noisy / noisy.sum(axis=1, keepdims=True)
        features.append(one)
        labels.append([3, 0][i % 2])
    nets = EmoNets.load()
    few = {"C": [1.0, 16.0], "gamma": [0.1, 1.0]}
    nets.face.fit(features, labels, groups=np.arange(24) // 2, coarse=few, exponents=(0.0,))
    p = nets.face.predict_proba(real)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert p.argmax(axis=1).tolist() == [3, 0]
    assert (p[:, [1, 2, 4, 5, 6]] == 0).all()  # never seen in training
    assert (model.face.known_classes, nets.face.known_classes) == (tuple(range(7)), (0, 3))
    again = EmoNets.load(nets.save(tmp_path / "svm"))
    np.testing.assert_allclose(again.face.predict_proba(real), p, atol=1e-9)
    assert "SVM" in again.describe()["decision"]
    empty = {**real[0], **{k: v[:0] for k, v in real[0].items() if k not in ("span", "step")}}
    np.testing.assert_allclose(again.face.predict_proba([empty, real[0]])[0], 1 / 7)


def test_predict_frames(model: EmoNets, happy: Path) -> None:
    features = model.face.extract(open_clip(happy), stride=6)
    times, p = model.face.predict_frames(features)
    assert p.shape == (len(times), len(EMOTIONS))
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize(
    "options",
    [
        {"window": -1}, {"window": 0}, {"window": "5 s"}, {"window": True}, {"window": 1e-7},
        {"window": None, "hop": 1}, {"hop": 1}, {"window": "auto", "hop": 1},
        {"hop": 0}, {"hop": "1"}, {"stride": 0}, {"stride": 1.5},
        {"stride": True}, {"detector": "eyes"}, {"errors": "ignore"},
    ],
)  # fmt: skip
def test_bad_options(model: EmoNets, happy: Path, options: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        model.predict(happy, **options)  # type: ignore[arg-type]
    if "errors" not in options:
        with pytest.raises(ParameterError):
            model.predict_clip(happy, **options)  # type: ignore[arg-type]


def test_one_path_raises_many_report(model: EmoNets, happy: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("I am not a clip")
    with pytest.raises(MediaError, match=r"broken\.mp4"):
        model.predict(broken)
    result = model.predict([broken, happy], stride=6)
    assert [status.status for status in result.files] == ["error", "ok"]
    assert result.clip_rows()[0].label == SHOWN


def test_sound_alone_is_refused(model: EmoNets, tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16000, layout="mono")
        samples = (np.sin(np.arange(16000) / 20) * 8000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    with pytest.raises(MediaError, match="no video stream"):
        model.predict(path)


def test_unknown_bundle_and_device() -> None:
    with pytest.raises(BundleError, match="paper"):
        emonets.load("no-such-bundle")
    with pytest.raises(ParameterError, match="available: cpu"):
        emonets.load(device="tpu")


def test_damaged_bundle(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    emonets.load().save(folder)
    file = folder / "face.safetensors"
    data = bytearray(file.read_bytes())
    data[-5] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(BundleError, match="damaged"):
        emonets.load(folder)
    shutil.rmtree(folder)
    with pytest.raises(BundleError, match="no such bundle"):
        emonets.load(folder)


def test_prefetch_passes_errors_and_stops() -> None:
    def source():
        yield 1
        yield 2
        raise ValueError("late")

    items = prefetch(source())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="late"):
        next(items)
    endless = prefetch(iter(int, 1), size=2)
    assert next(endless) == 0
    endless.close()  # must not hang


def test_second_pass_finds_what_the_first_missed(happy: Path) -> None:
    class Blind:
        name = "blind"

        def detect(self, image: np.ndarray) -> Detections:
            return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), None)

    class Fixed(Blind):
        def detect(self, image: np.ndarray) -> Detections:
            return Detections(
                np.array([[150, 60, 330, 240]], np.float32), np.ones(1, np.float32), None
            )

    assert list(find_tubes(open_clip(happy), Blind())) == []
    tubes = list(find_tubes(open_clip(happy), Blind(), second=Fixed))
    assert len(tubes) == 1
    assert len(tubes[0].index) > 40  # interpolated between its looks


def test_predicting_needs_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys, emonets; emonets.load(); import emonets.cli.main;"
        "bad = {'torch', 'matplotlib'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_own_crops_reach_the_tubes_by_predict(
    model: EmoNets, happy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MediaError, match="no folder of face crops"):
        model.predict(happy, crops=tmp_path / "nowhere")
    given = []

    def spy(self: EmoNets, path: Path, **options: object) -> Result:
        given.append(options["crops"])
        return Result()

    monkeypatch.setattr(EmoNets, "predict_clip", spy)
    model.predict(happy, crops=tmp_path)
    assert given == [tmp_path]


def test_a_missing_file_in_a_list_does_not_stop_the_others(model: EmoNets, happy: Path) -> None:
    result = model.predict(["nowhere.mp4", happy], stride=6)
    assert [status.status for status in result.files] == ["error", "ok"]
    assert result.files[0].message == "does not exist; check the name"
    with pytest.raises(MediaError, match=r"nowhere\.mp4"):
        model.predict(["nowhere.mp4", happy], errors="raise")


@pytest.mark.parametrize("paths", [None, 5, b"film.mp4", [5]])
def test_what_is_no_path(model: EmoNets, paths: Any) -> None:
    with pytest.raises(ParameterError, match="paths must be"):
        model.predict(paths)


def test_a_model_serves_threads_and_processes(model: EmoNets, happy: Path, angry: Path) -> None:
    faces = replace(model.face.preprocessing, registration="face")
    shared = EmoNets(FaceSpecialist(model.face.network, faces), about=model.about)
    alone = [shared.predict(path, stride=6).rows for path in (happy, angry)]
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda path: shared.predict(path, stride=6).rows, (happy, angry)))
    assert both == alone
    sent = pickle.loads(pickle.dumps(shared))  # noqa: S301 - as joblib does
    assert sent.predict(happy, stride=6).rows == alone[0]


def test_the_network_is_opened_once(model: EmoNets, happy: Path) -> None:
    model.predict(happy, stride=8)
    runner = model.face.network.runner()
    model.predict(happy, stride=8)
    assert model.face.network.runner() is runner


def test_a_failing_detector_leaves_no_thread(model: EmoNets, happy: Path) -> None:
    def fails(image: object) -> object:
        raise RuntimeError("broken")

    try:
        model.predict(happy, detector=fails)  # type: ignore[arg-type]
    except RuntimeError:
        # while the traceback still holds every frame of the stack
        names = [t.name for t in threading.enumerate()]
        assert not [n for n in names if n.startswith("emonets")]
    else:
        pytest.fail("the detector's error was swallowed")
