"""FER2013 in its files: what is read, and the errors."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emonets import EMOTIONS
from emonets.datasets import open_dataset
from emonets.datasets.readers import fer2013
from emonets.datasets.readers.fer2013 import read_fer2013
from emonets.datasets.still_faces import FaceImages
from emonets.errors import DataError, EmoNetsError

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


def test_npz(tmp_path: Path) -> None:
    faces = open_dataset(npz(tmp_path / "fer2013.npz")).still_faces()
    same(faces)
    assert faces.ferplus_votes is not None
    assert (faces.ferplus_votes == VOTES).all()
    plain = open_dataset(npz(tmp_path / "b.npz", ferplus_votes=None)).still_faces()
    assert plain.ferplus_votes is None


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
    same(open_dataset(path).still_faces())
    assert open_dataset(path).still_faces().ferplus_votes is None


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
    with pytest.raises(DataError, match="holds its own votes"):
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


def test_shared_fer2013(shared: Path) -> None:
    path = shared / "data" / "fer2013.npz"
    if not path.exists():
        pytest.skip("the shared FER2013 file is not here")
    faces = open_dataset(path).still_faces()
    assert fer2013.validate(faces) == []
    assert list(faces.counts().values()) == [4953, 547, 5121, 8989, 6077, 4002, 6198]
    assert faces.ferplus_votes is not None
    # FER+ voters agree with the labels often enough that no column can be in another's place
    happy = faces.ferplus_votes[faces.labels == EMOTIONS.index("happy")].sum(axis=0)
    assert fer2013.VOTES[int(happy.argmax())] == "happiness"
