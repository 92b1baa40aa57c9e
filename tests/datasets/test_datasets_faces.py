"""Readers of still faces, on small made-up files: what they read, and how they complain."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from emonets import EMOTIONS
from emonets.datasets.load import load_faces
from emonets.datasets.readers import fer2013
from emonets.datasets.readers.face_folders import read_face_folder
from emonets.datasets.readers.fer2013 import read_fer2013
from emonets.datasets.readers.tfd import read_tfd
from emonets.datasets.still_faces import FaceImages
from emonets.errors import DataError, EmoNetsError, ParameterError

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
RNG = np.random.default_rng(0)
N = 9
IMAGES = RNG.integers(0, 256, size=(N, 48, 48), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 3, 4, 5, 6, 0, 3])
USAGE = np.array([0, 0, 0, 1, 2, 2, 0, 1, 0])
VOTES = RNG.integers(0, 11, size=(N, 10), dtype=np.uint8)


def arrays(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "images": IMAGES,
        "label": LABELS,
        "usage": USAGE,
        "ferplus_votes": VOTES,
    }
    data |= changes
    return {key: value for key, value in data.items() if value is not None}


def npz(path: Path, **changes: Any) -> Path:
    np.savez_compressed(path, **arrays(**changes))
    return path


def csv_text(header: str = "emotion,pixels,Usage") -> str:
    lines = [header]
    for label, image, usage in zip(LABELS, IMAGES, USAGE, strict=True):
        cells = {
            "emotion": str(label),
            "pixels": " ".join(map(str, image.ravel())),
            "usage": fer2013.SPLITS[usage],
        }
        lines.append(",".join(cells[name.strip().lower()] for name in header.split(",")))
    return "\n".join(lines) + "\n"


def votes_text() -> str:
    lines = ["Usage,Image name," + ",".join((*fer2013.VOTES[:-1], "NF"))]
    lines += [f"Training,fer{k:07}.png," + ",".join(map(str, v)) for k, v in enumerate(VOTES)]
    return "\n".join(lines) + "\n"


def same(faces: FaceImages) -> None:
    assert (faces.images == IMAGES).all()
    assert faces.images.dtype == np.uint8
    assert faces.labels.tolist() == LABELS.tolist()
    assert faces.labels.dtype == np.int64
    assert faces.split is not None
    assert faces.split.tolist() == [fer2013.SPLITS[u] for u in USAGE]
    assert faces.name == "fer2013"
    assert "DbCL" in faces.licence
    assert faces.citation.startswith("@")


# FaceImages


def test_take_gives_one_part_of_everything(tmp_path: Path) -> None:
    faces = read_fer2013(npz(tmp_path / "fer2013.npz"))
    assert faces.splits == ("Training", "PublicTest", "PrivateTest")
    part = faces.take("PrivateTest")
    assert len(part) == 2
    assert (part.images == IMAGES[USAGE == 2]).all()
    assert part.labels.tolist() == [4, 5]
    assert part.ferplus_votes is not None
    assert (part.ferplus_votes == VOTES[USAGE == 2]).all()
    assert part.split is not None
    assert set(part.split) == {"PrivateTest"}
    assert faces.counts() == dict(zip(EMOTIONS, [2, 1, 1, 2, 1, 1, 1], strict=True))
    assert len(faces.select(np.array([1, 2]))) == 2


def test_take_understands_the_words_of_other_data(tmp_path: Path) -> None:
    faces = read_fer2013(npz(tmp_path / "fer2013.npz"))
    for word, split in (
        ("train", "Training"),
        ("val", "PublicTest"),
        ("TEST", "PrivateTest"),
        ("dev", "PublicTest"),
    ):
        assert faces.take(word).splits == (split,)
    with pytest.raises(
        DataError, match="no split 'half'; it has Training, PublicTest, PrivateTest"
    ):
        faces.take("half")


def test_face_images_check_themselves() -> None:
    good: dict[str, Any] = {
        "images": IMAGES, "labels": LABELS, "split": None, "groups": None,
        "name": "made up", "citation": "", "licence": "",
    }  # fmt: skip
    with pytest.raises(DataError, match="made up is not divided"):
        FaceImages(**good).take("train")
    for change, message in (
        ({"images": IMAGES / 255}, "uint8"),
        ({"images": IMAGES[0]}, "n, height, width"),
        ({"labels": LABELS[:-1]}, "9 images but 8 labels"),
        ({"labels": LABELS.astype(np.int32)}, "int64"),
        ({"labels": LABELS + 1}, "label 7 of image 6 is not in 0..6"),
        ({"groups": np.arange(3)}, "9 images but 3 groups"),
    ):
        with pytest.raises(DataError, match=message):
            FaceImages(**(good | change))


# FER2013


def test_npz(tmp_path: Path) -> None:
    faces = load_faces(npz(tmp_path / "fer2013.npz"))
    same(faces)
    assert faces.ferplus_votes is not None
    assert (faces.ferplus_votes == VOTES).all()
    assert load_faces(npz(tmp_path / "b.npz", ferplus_votes=None)).ferplus_votes is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": None}, "expected arrays images, label, usage; found .*label missing"),
        ({"images": IMAGES[:, :40]}, r"\(n, 48, 48\).* found \(9, 40, 48\)"),
        ({"images": IMAGES.astype(np.float32)}, "found .* float32"),
        ({"images": np.uint8(3)}, "48, 48"),
        ({"label": LABELS + 1}, r"label of image 6 is 7, expected 0\.\.6"),
        ({"label": LABELS[:-1]}, r"label of shape \(9,\)"),
        ({"label": LABELS / 1}, "integer"),
        ({"usage": USAGE + 1}, r"usage of image 4 is 3, expected 0\.\.2"),
        ({"ferplus_votes": VOTES[:, :8]}, r"found \(9, 8\)"),
        ({"images": np.array([None] * 9)}, "not a readable .npz"),
    ],
)
def test_npz_with_something_else_in_it(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = npz(tmp_path / "fer2013.npz", **change)
    with pytest.raises(DataError, match=rf"fer2013\.npz: .*{message}"):
        read_fer2013(path)


def test_damaged_npz(tmp_path: Path) -> None:
    whole = npz(tmp_path / "whole.npz").read_bytes()
    path = tmp_path / "fer2013.npz"
    for k in range(16):
        path.write_bytes(whole[: len(whole) * k // 16])
        with pytest.raises(DataError, match=r"not a readable \.npz"):
            read_fer2013(path)
    for k in range(40):
        flipped = bytearray(whole)
        flipped[len(whole) * k // 40] ^= 0x10
        path.write_bytes(flipped)
        with contextlib.suppress(EmoNetsError):
            read_fer2013(path)
    path.write_text("emotion,pixels,Usage")
    with pytest.raises(DataError, match=r"not a readable \.npz"):
        read_fer2013(path)
    buffer = io.BytesIO()
    np.save(buffer, IMAGES)
    path.write_bytes(buffer.getvalue())  # an .npy file under the other name
    with pytest.raises(DataError, match=r"single array, an \.npy"):
        read_fer2013(path)


@pytest.mark.parametrize(
    "header",
    ["emotion,pixels,Usage", "emotion, Usage, pixels", "usage,Emotion,pixels"],
    ids=["fer2013.csv", "icml_face_data.csv", "another order"],
)
def test_csv(header: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fer2013, "_BLOCK", 4)  # several blocks, the last not full
    path = tmp_path / "fer2013.csv"
    path.write_text(csv_text(header))
    same(load_faces(path))
    assert load_faces(path).ferplus_votes is None


def test_csv_whose_rows_fill_the_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fer2013, "_BLOCK", N)
    path = tmp_path / "fer2013.csv"
    path.write_text("\ufeff" + csv_text().replace("\n", "\r\n") + "\n", encoding="utf-8")
    same(read_fer2013(path))


def test_votes_beside_the_csv_or_named(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text(csv_text())
    elsewhere = tmp_path / "votes.csv"
    elsewhere.write_text(votes_text())
    named = read_fer2013(path, votes=elsewhere).ferplus_votes
    assert named is not None
    assert (named == VOTES).all()
    elsewhere.rename(tmp_path / "fer2013new.csv")
    beside = read_fer2013(path).ferplus_votes
    assert beside is not None
    assert (beside == VOTES).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: "\n".join(s.splitlines()[:-1]), "8 rows of votes for 9 images"),
        (lambda s: s.replace("contempt", "scorn"), "contempt missing"),
        (lambda s: s.replace("fer0000002.png,", "fer0000002.png,x"), "row 4 does not hold"),
        (lambda s: "", "an empty file"),
    ],
)
def test_wrong_votes(change: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_text(csv_text())
    (tmp_path / "fer2013new.csv").write_text(change(votes_text()))
    with pytest.raises(DataError, match=rf"fer2013new\.csv: .*{message}"):
        read_fer2013(tmp_path / "fer2013.csv")
    with pytest.raises(DataError, match="carries its own votes"):
        read_fer2013(npz(tmp_path / "a.npz"), votes=tmp_path / "fer2013new.csv")


def row(emotion: str = "0", pixels: str | None = None, usage: str = "Training") -> str:
    pixels = " ".join(["7"] * 2304) if pixels is None else pixels
    return f"emotion,pixels,Usage\n{row_good}\n{emotion},{pixels},{usage}\n"


row_good = "3," + " ".join(["9"] * 2304) + ",PublicTest"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found an empty file"),
        ("emotion,pixels\n0,1", "found emotion, pixels .usage missing"),
        ("a;b;c\n", "emotion, pixels, usage missing"),
        ("emotion,pixels,Usage\n", "no rows"),
        (row(emotion="7"), r"row 3: emotion is '7', expected 0\.\.6"),
        (row(emotion="angry"), "row 3: emotion is 'angry'"),
        (row(usage="Test"), "row 3: Usage is 'Test', expected one of Training, PublicTest"),
        (row(pixels="1 2 3"), "row 3: expected 2304 whole numbers in pixels, found 3 words"),
        (row(pixels=""), "row 3: expected 2304 .* found 0 words"),
        (row(pixels=" ".join(["7"] * 2305)), "found 2305 words"),
        (row(pixels=" ".join(["7"] * 2304 + ["x"])), "found 2305 words .* ending .*7 x"),
        (row(pixels=" ".join(["7.5"] * 2304)), "whole numbers"),
        (row(pixels=" ".join(["256"] + ["7"] * 2303)), r"row 3: pixels run from 7 to 256"),
        (row(pixels=" ".join(["-1"] + ["7"] * 2303)), r"row 3: pixels run from -1 to 7"),
        (row(usage="Training,more"), "row 3 has 4 columns, the header has 3"),
    ],
)
def test_wrong_csv(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"fer2013\.csv: .*{message}"):
        read_fer2013(path)


def test_csv_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    for data in (
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"emotion,pixels,Usage\n" + b"7" * 200_000,
    ):
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"fer2013\.csv"):
            read_fer2013(path)


def test_validate_tells_what_is_missing(tmp_path: Path) -> None:
    differences = fer2013.validate(read_fer2013(npz(tmp_path / "fer2013.npz")))
    assert differences[0] == "Training: expected 28709 images, found 5"
    assert len(differences) == 3


def test_shared_fer2013() -> None:
    path = SHARED / "data" / "fer2013.npz"
    if not path.exists():
        pytest.skip("the shared FER2013 file is not here")
    faces = load_faces(path)
    assert fer2013.validate(faces) == []
    assert list(faces.counts().values()) == [4953, 547, 5121, 8989, 6077, 4002, 6198]
    assert faces.ferplus_votes is not None
    # FER+ voters agree with the labels often enough that no column can be in another's place
    happy = faces.ferplus_votes[faces.labels == EMOTIONS.index("happy")].sum(axis=0)
    assert fer2013.VOTES[int(happy.argmax())] == "happiness"


# TFD


def tfd(path: Path, **changes: Any) -> Path:
    data: dict[str, Any] = {
        "images": IMAGES,
        "labs_ex": np.array([1, 2, 3, 4, 5, 6, 7, -1, -1]),
        "labs_id": np.array([5, 5, 8, -1, -1, 9, 9, -1, 3]),
        "folds": np.array([[1, 2, 3, 1, 1], [1] * 5, [2] * 5, [2] * 5, [3] * 5, [3] * 5, [1] * 5,
                           [0] * 5, [0] * 5]),
    }  # fmt: skip
    data |= changes
    savemat(path, {k: v for k, v in data.items() if v is not None}, oned_as="column")
    return path


def test_tfd(tmp_path: Path) -> None:
    faces = load_faces(tfd(tmp_path / "TFD_48x48.mat"))
    assert (faces.images == IMAGES[:7]).all()
    assert faces.labels.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert faces.split is not None
    assert faces.split.tolist() == ["train", "train", "valid", "valid", "test", "test", "train"]
    assert faces.name == "tfd"
    assert faces.groups is not None
    g = faces.groups.tolist()
    assert g[0] == g[1] != g[2]
    assert g[5] == g[6]
    assert len(set(g)) == 5  # two people nobody knows are two, not one
    assert read_tfd(tmp_path / "TFD_48x48.mat", fold=2).split.tolist()[0] == "test"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change",
    [
        {"images": IMAGES.transpose(1, 2, 0)},
        {"images": IMAGES.astype(float)},
        {"labs_id": None},
        {"labs_ex": np.array([[1.0, 2, 3, 4, 5, 6, 7, -1, -1]])},
    ],
    ids=["images last", "floats", "nobody named", "labels in a row"],
)
def test_tfd_in_other_shapes(change: dict[str, Any], tmp_path: Path) -> None:
    faces = read_tfd(tfd(tmp_path / "TFD_48x48.mat", **change))
    assert (faces.images == IMAGES[:7]).all()
    assert faces.labels.tolist() == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labs_ex": None}, "labs_ex missing"),
        ({"labs_ex": np.array([8, 2, 3, 4, 5, 6, 7, -1, -1])}, "label 8 of image 0"),
        ({"labs_ex": np.full(9, -1)}, "not one of its 9 images is labelled"),
        ({"labs_ex": np.full(9, np.nan)}, "whole numbers in labs_ex"),
        ({"labs_ex": np.ones(8)}, r"\(8, side, side\) for 8 labels"),
        ({"images": IMAGES[:, :40]}, "side, side"),
        ({"images": IMAGES.astype(float) / 255}, "whole numbers in images"),
        ({"images": IMAGES.astype(int) * 2}, r"expected 0\.\.255"),
        ({"folds": np.ones((9, 4))}, r"folds of shape \(9, 5\)"),
        ({"folds": np.zeros((9, 5))}, "image 0 is labelled, but its entry in fold 0 is 0"),
        ({"labs_id": np.ones(4)}, "9 labels but 4 labs_id"),
    ],
)
def test_wrong_tfd(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tfd(tmp_path / "TFD_48x48.mat", **change)
    with pytest.raises(DataError, match=rf"TFD_48x48\.mat: .*{message}"):
        read_tfd(path)


def test_damaged_and_newer_mat_files(tmp_path: Path) -> None:
    whole = tfd(tmp_path / "whole.mat").read_bytes()
    path = tmp_path / "TFD_48x48.mat"
    for k in range(16):
        path.write_bytes(whole[: len(whole) * k // 16])
        with pytest.raises(DataError, match=r"TFD_48x48\.mat"):
            read_tfd(path)
    # what MATLAB writes with -v7.3: its own header of 512 bytes, then HDF5
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path.write_bytes(head.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(DataError, match=r"7\.3 .*-v7"):
        read_tfd(path)
    with pytest.raises(ParameterError, match=r"fold must be one of 0\.\.4, got 5"):
        read_tfd(path, fold=5)
    with pytest.raises(DataError, match="no such file"):
        read_tfd(tmp_path / "none.mat")


# folders


def picture(path: Path, image: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = IMAGES[0] if image is None else image
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


def test_class_folders(tmp_path: Path) -> None:
    picture(tmp_path / "Happy" / "b.png", IMAGES[1])
    picture(tmp_path / "Happy" / "a.PNG", IMAGES[2])
    picture(tmp_path / "anger" / "deeper" / "c.bmp", IMAGES[3])
    picture(tmp_path / "Überraschung.png")  # lies in no class: passed over
    picture(tmp_path / "NEUTRAL" / "ein Gesicht – größer.png", IMAGES[4])
    (tmp_path / "anger" / "readme.txt").write_text("not a picture")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    faces = load_faces(tmp_path)
    assert faces.labels.tolist() == [0, 3, 3, 6]
    assert (faces.images == IMAGES[[3, 2, 1, 4]]).all()
    assert faces.split is None
    assert faces.groups is None
    assert faces.skipped == ()
    assert faces.name == tmp_path.name


@pytest.mark.parametrize("parts", [("train", "valid", "test"), fer2013.SPLITS, ("Train", "val")])
def test_split_folders(parts: tuple[str, ...], tmp_path: Path) -> None:
    for k, part in enumerate(parts):
        picture(tmp_path / part / "sad" / "1.png", IMAGES[k])
        picture(tmp_path / part / "fear" / "1.png", IMAGES[k + 3])
    faces = load_faces(tmp_path)
    for k, part in enumerate(parts):
        here = faces.take(part)
        assert (here.images == IMAGES[[k + 3, k]]).all()
        assert here.labels.tolist() == [2, 4]


def test_pictures_become_grey_squares_of_one_size(tmp_path: Path) -> None:
    wide = np.zeros((60, 100, 3), np.uint8)
    wide[:, 20:80] = (30, 60, 90)  # the centred square; black on both sides of it
    picture(tmp_path / "happy" / "wide.png", wide)
    picture(tmp_path / "happy" / "small.png", np.full((10, 10), 77, np.uint8))
    picture(tmp_path / "happy" / "tall.png", np.full((97, 50, 4), 40, np.uint8))
    picture(tmp_path / "happy" / "deep.png", np.full((50, 50), 128 * 257, np.uint16))
    faces = read_face_folder(tmp_path, side=24)
    assert faces.images.shape == (4, 24, 24)
    flat = [int(image[0, 0]) for image in faces.images]
    assert all((image == image[0, 0]).all() for image in faces.images)
    assert flat[:3] == [128, 77, 40]
    assert flat[3] == pytest.approx(0.114 * 30 + 0.587 * 60 + 0.299 * 90, abs=1)


def test_shrinking_averages_areas(tmp_path: Path) -> None:
    fine = np.indices((96, 96)).sum(axis=0) % 2 * 255
    picture(tmp_path / "happy" / "board.png", fine.astype(np.uint8))
    assert np.isin(read_face_folder(tmp_path).images, (127, 128)).all()


def test_unreadable_files_are_listed(tmp_path: Path) -> None:
    whole = picture(tmp_path / "happy" / "good.png").read_bytes()
    (tmp_path / "happy" / "empty.png").write_bytes(b"")
    (tmp_path / "happy" / "text.jpg").write_text("no picture")
    (tmp_path / "happy" / "cut.png").write_bytes(whole[:40])
    (tmp_path / "happy" / "folder.png").mkdir()  # no file at all
    faces = read_face_folder(tmp_path)
    assert len(faces) == 1
    assert len(faces.skipped) == 3
    for name, reason in (("cut.png", "damaged"), ("empty.png", "is empty"), ("text.jpg", "knows")):
        assert sum(name in line and reason in line for line in faces.skipped) == 1
    (tmp_path / "happy" / "good.png").unlink()
    with pytest.raises(DataError, match=r"3 could not be read, first .*cut\.png"):
        read_face_folder(tmp_path)


@pytest.mark.parametrize("kind", [".png", ".jpg", ".bmp", ".webp"])
def test_pictures_cut_short_are_not_read_as_whole(kind: str, tmp_path: Path) -> None:
    picture(tmp_path / "happy" / "good.png")
    whole = picture(tmp_path / "happy" / f"x{kind}").read_bytes()
    assert len(read_face_folder(tmp_path)) == 2
    for k in range(1, 16):
        (tmp_path / "happy" / f"x{kind}").write_bytes(whole[: len(whole) * k // 16])
        assert len(read_face_folder(tmp_path).skipped) == 1, k


def test_groups_come_from_names_by_a_pattern(tmp_path: Path) -> None:
    for name in ("s1_a.png", "s1_b.png", "s22_a.png"):
        picture(tmp_path / "happy" / name)
    groups = read_face_folder(tmp_path, group_pattern=r"^(s\d+)_").groups
    assert groups is not None
    assert groups.tolist() == ["s1", "s1", "s22"]
    groups = read_face_folder(tmp_path, group_pattern=r"[ab]").groups
    assert groups is not None
    assert groups.tolist() == ["a", "b", "a"]
    with pytest.raises(DataError, match=r"s1_a\.png: group_pattern 'x' does not match"):
        read_face_folder(tmp_path, group_pattern="x")
    with pytest.raises(ParameterError, match="group_pattern"):
        read_face_folder(tmp_path, group_pattern="(")
    with pytest.raises(ParameterError, match="side"):
        read_face_folder(tmp_path, side=0)


def test_unknown_folders_are_named_with_what_was_expected(tmp_path: Path) -> None:
    picture(tmp_path / "happy" / "1.png")
    picture(tmp_path / "contempt" / "1.png")
    with pytest.raises(DataError, match="contempt") as caught:
        load_faces(tmp_path)
    assert all(name in str(caught.value) for name in EMOTIONS)
    assert "found contempt, happy (not understood: contempt)" in str(caught.value)


def test_split_folders_beside_others_and_empty_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found no folder"):
        load_faces(tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match=r"train: expected class folders .* found no folder"):
        load_faces(tmp_path)
    (tmp_path / "train" / "happy").mkdir()
    with pytest.raises(DataError, match="no picture in its class folders"):
        load_faces(tmp_path)
    (tmp_path / "sad").mkdir()
    with pytest.raises(DataError, match=r"split folders \(train\) lie beside others \(sad\)"):
        load_faces(tmp_path)


# load_faces


def test_a_folder_that_holds_a_known_file_is_that_file(tmp_path: Path) -> None:
    tfd(tmp_path / "TFD_48x48.mat")
    assert load_faces(tmp_path).name == "tfd"
    (tmp_path / "icml_face_data.csv").write_text(csv_text("emotion, Usage, pixels"))
    same(load_faces(str(tmp_path)))
    (tmp_path / "FER2013.csv").write_text("broken")
    npz(tmp_path / "fer2013.npz")
    same(load_faces(tmp_path))


def test_anything_else_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "faces.h5").write_bytes(b"x")
    for name, found in (("faces.h5", r"found a file ending in '\.h5'"), ("none", "no such file")):
        with pytest.raises(DataError, match=found) as caught:
            load_faces(tmp_path / name)
        assert "expected fer2013.npz, fer2013.csv" in str(caught.value)
        assert "folder of class folders" in str(caught.value)
    for reader in (read_fer2013, read_face_folder):
        with pytest.raises(DataError, match="no such"):
            reader(tmp_path / "none")
