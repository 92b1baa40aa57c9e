"""What is particular to one corpus."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dataset_trees import TREES, picture, sound, video
from emonets import EMOTIONS
from emonets.datasets import Dataset, open_dataset
from emonets.datasets.readers import ravdess
from emonets.errors import DataError, ParameterError


def words(dataset: Dataset) -> list[tuple[str, str, str]]:
    """Emotion, own word, group."""
    return [(EMOTIONS[item.label], item.word, item.group) for item in dataset.items]


def dropped(dataset: Dataset) -> dict[str, str]:
    """Name → why."""
    return {one.path.name: one.why for one in dataset.dropped}


def make(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"sound")
    return folder


def test_afew_groups_are_clips_and_withheld_labels_are_no_fault(tmp_path: Path) -> None:
    dataset = open_dataset(TREES["afew 2013"].make(tmp_path))
    assert not dataset.grouped
    # the same time in three films, one in each part
    assert sum(item.path.stem == "001234560" for item in dataset.items) == 3
    (withheld,) = dataset.dropped
    assert withheld.kind == "withheld"
    assert withheld.path.name == "001700040.avi"
    assert dataset.counts()["surprise"] == {"train": 1, "valid": 1, "test": 1}


def test_afew_one_part_alone(tmp_path: Path) -> None:
    TREES["afew 2016"].make(tmp_path)
    dataset = open_dataset(tmp_path / "Train_AFEW")
    assert dataset.info.name == "afew"
    assert set(dataset.splits) == {"train"}


def test_ckplus_takes_the_labelled_frame(tmp_path: Path) -> None:
    TREES["ckplus"].make(tmp_path / "CK+")
    dataset = open_dataset(tmp_path)
    assert dataset.info.name == "ckplus"
    assert {item.path.stem[-8:] for item in dataset.items} == {"00000003"}
    assert words(dataset)[:2] == [("angry", "anger", "S005"), ("disgust", "disgust", "S005")]
    dataset.items[0].path.unlink()
    again = open_dataset(tmp_path)
    (missing,) = [p for p in again.validate() if p.kind == "missing"]
    assert "picture that it labels is not there" in missing.message
    assert missing.level == "error"


def test_ckplus_wrong_trees(tmp_path: Path) -> None:
    root = TREES["ckplus"].make(tmp_path / "a")
    label = next(root.glob("Emotion/S005/001/*.txt"))
    for content in ("9", "sad", "1.5", "nan"):
        label.write_text(content)
        with pytest.raises(DataError, match=r"_emotion\.txt: its label is .*expected a number"):
            open_dataset(root)
    picture(tmp_path / "b/cohn-kanade-images/S005/001/S005_001_00000001.png")
    with pytest.raises(DataError, match="found no folder emotion, but cohn-kanade-images"):
        open_dataset(tmp_path / "b")


def test_crema_d_takes_each_take_once(tmp_path: Path) -> None:
    names = [f"1001_DFA_{word}_XX" for word in ("ANG", "SAD")]
    for name in names:
        sound(tmp_path / "AudioWAV" / f"{name}.wav")
        video(tmp_path / "VideoFlash" / f"{name}.flv")
    sound(tmp_path / "AudioWAV" / "1001_IEO_ANG_HI.wav")
    sound(tmp_path / "AudioWAV" / "1001_IEO_XYZ_HI.wav")
    dataset = open_dataset(tmp_path)
    assert [item.path.suffix for item in dataset.items] == [".wav", ".flv", ".flv"]
    assert sum(dropped.kind == "copy" for dropped in dataset.dropped) == 2
    (odd,) = [p for p in dataset.validate() if p.kind == "unlabelled"]
    assert "emotion XYZ is none of crema_d" in odd.message
    sounds = open_dataset(tmp_path, kind="sound")
    assert [item.kind for item in sounds.items] == ["sound"] * 3
    assert len(open_dataset(tmp_path, kind="clip")) == 2
    with pytest.raises(ParameterError, match="kind='still'"):
        open_dataset(tmp_path, kind="still")


def test_savee_tells_speakers_by_folder_or_name(tmp_path: Path) -> None:
    for name in ("AudioData/DC/sa01.wav", "AudioData/JE/sa01.wav", "AudioData/XX/sa01.wav"):
        sound(tmp_path / name)
    video(tmp_path / "AudioVisualClip/DC/sa1.avi")
    sound(tmp_path / "flat/KL_su03.wav")
    dataset = open_dataset(tmp_path)
    assert [(item.path.name, item.group, item.word) for item in dataset.items] == [
        ("sa01.wav", "JE", "sa"), ("sa1.avi", "DC", "sa"), ("KL_su03.wav", "KL", "su"),
    ]  # fmt: skip
    assert {d.kind for d in dataset.dropped} == {"copy", "unlabelled"}


def test_tess_knows_its_misnamed_file(tmp_path: Path) -> None:
    dataset = open_dataset(TREES["tess"].make(tmp_path))
    (odd,) = [item for item in dataset.items if item.path.stem == "OA_bite_neutral"]
    assert odd.group == "OAF"
    assert ("surprise", "ps", "YAF") in words(dataset)


def test_fer2013_and_tfd_keep_their_pictures(tmp_path: Path) -> None:
    faces = open_dataset(TREES["fer2013, csv"].make(tmp_path)).faces
    assert faces is not None
    assert faces.ferplus_votes is not None
    assert faces.ferplus_votes.shape == (42, 10)
    tfd = open_dataset(TREES["tfd, mat"].make(tmp_path), fold=1, layout="tfd")
    assert tfd.grouped
    assert tfd.faces is not None
    assert [item.row for item in tfd.items] == list(range(len(tfd.faces)))


def test_fer2013_folders_are_parted_by_name(tmp_path: Path) -> None:
    dataset = open_dataset(TREES["fer2013, folders"].make(tmp_path))
    assert dataset.counts()["happy"] == {"train": 1, "valid": 1, "test": 1}


RAVDESS = [f"Actor_12/03-01-0{k}-01-02-01-12.wav" for k in range(1, 9)]


def test_ravdess_labels(tmp_path: Path) -> None:
    found = open_dataset(make(tmp_path, *RAVDESS))
    assert found.name == "ravdess_speech"
    assert [(EMOTIONS[i.label], i.word) for i in found.items] == [
        ("neutral", "neutral"), ("neutral", "calm"), ("happy", "happy"), ("sad", "sad"),
        ("angry", "angry"), ("fear", "fearful"), ("disgust", "disgust"), ("surprise", "surprised"),
    ]  # fmt: skip
    assert set(found.groups) == {"12"}
    assert found.folds == {"12": 2}
    assert found.dropped == ()
    assert found.grouped
    assert "livingstone" in found.info.citation
    assert found.info.licence == "CC BY-NC-SA 4.0"


def test_ravdess_takes_one_channel_at_a_time(tmp_path: Path) -> None:
    make(tmp_path, *(f"{c}-03-01-01-01-05.mp4" for c in ravdess.CHANNELS))
    found = open_dataset(tmp_path)
    assert [item.path.name for item in found.items] == ["03-01-03-01-01-01-05.mp4"]
    assert len(found.dropped) == 5
    assert "picture of song" in dropped(found)["02-02-03-01-01-01-05.mp4"]
    for channel in ravdess.CHANNELS:
        found = open_dataset(tmp_path, channel=channel)
        assert [item.path.name for item in found.items] == [f"{channel}-03-01-01-01-05.mp4"]
        assert found.name == ("ravdess_song" if channel[-1] == "2" else "ravdess_speech")


def test_ravdess_videos_are_read_where_there_is_no_sound_file(tmp_path: Path) -> None:
    make(tmp_path, "01-01-03-01-01-01-05.mp4", "02-01-03-01-01-01-05.mp4")
    assert [item.path.name for item in open_dataset(tmp_path).items] == ["01-01-03-01-01-01-05.mp4"]
    with pytest.raises(DataError, match=r"no file of 03-02 .*but 1 of 01-01 .*1 of 02-01"):
        open_dataset(tmp_path, channel="03-02")


def test_ravdess_copies_and_strangers_are_dropped(tmp_path: Path) -> None:
    make(
        tmp_path, *RAVDESS, f"all/{RAVDESS[0]}", "03-01-09-01-01-01-12.wav",
        "03-01-01-01-01-01-25.wav", "other.wav", "README.txt", ".hidden/03-01-01-01-01-01-01.wav",
        "__MACOSX/03-01-01-01-01-01-01.wav", "._03-01-01-01-01-01-01.wav",
    )  # fmt: skip
    (tmp_path / "03-01-01-01-01-01-01.wav").touch()
    found = open_dataset(tmp_path)
    assert len(found) == 8
    why = dropped(found)
    assert len(why) == 6
    assert "same name as" in why["03-01-01-01-02-01-12.wav"]
    assert "emotion 09" in why["03-01-09-01-01-01-12.wav"]
    assert "actor 25" in why["03-01-01-01-01-01-25.wav"]
    assert "none of ravdess" in why["other.wav"]
    assert "neither a sound file" in why["README.txt"]
    assert "empty" in why["03-01-01-01-01-01-01.wav"]


def test_emodb(tmp_path: Path) -> None:
    make(tmp_path, *(f"wav/{k:02d}a01{e}b.wav" for k, e in enumerate("WLEAFTN", 3)), "03a01Xa.wav")
    found = open_dataset(tmp_path)
    assert found.name == "emodb"
    assert [(EMOTIONS[i.label], i.word, i.group) for i in found.items] == [
        ("angry", "anger", "03"), ("disgust", "disgust", "05"), ("fear", "fear", "06"),
        ("happy", "happiness", "07"), ("sad", "sadness", "08"), ("neutral", "neutral", "09"),
    ]  # fmt: skip
    assert "boredom" in dropped(found)["04a01Lb.wav"]
    assert "emotion X" in dropped(found)["03a01Xa.wav"]
    assert found.folds is None


@pytest.mark.parametrize("suffix", [".wav", ".mp4", ".opus"])
def test_javanese(tmp_path: Path, suffix: str) -> None:
    make(tmp_path, *(f"0{k}-02-0{k}_07{suffix}" for k in range(1, 8)))
    found = open_dataset(tmp_path)
    assert found.name == "javanese_speech"
    assert [EMOTIONS[i.label] for i in found.items] == [
        "neutral", "sad", "happy", "surprise", "fear", "angry",
    ]  # fmt: skip
    assert found.groups.tolist() == ["01", "02", "03", "04", "05", "06"]
    assert "emotion 07" in dropped(found)[f"07-02-07_07{suffix}"]


@pytest.mark.parametrize(
    ("name", "n", "groups", "lost", "counts"),
    [
        ("ravdess_speech", 1440, 24, 0, [192, 192, 192, 192, 192, 192, 288]),
        ("ravdess_av", 7, 1, 11, [0, 0, 0, 0, 0, 3, 4]),
        ("emodb", 454, 10, 81, [127, 46, 69, 71, 62, 0, 79]),
        ("javanese_speech", 1344, 8, 0, [224, 0, 224, 224, 224, 224, 224]),
        ("javanese_av", 192, 8, 0, [32, 0, 32, 32, 32, 32, 32]),
    ],
)
def test_shared_corpora(
    shared: Path, name: str, n: int, groups: int, lost: int, counts: list[int]
) -> None:
    folder = shared / "data" / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not there")
    found = open_dataset(folder)
    assert (len(found), len(set(found.groups)), len(found.dropped)) == (n, groups, lost)
    assert [row[""] for row in found.counts().values()] == counts
    assert found.labels.dtype == np.int64
    if found.folds is not None:
        assert set(found.folds) == set(found.groups)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_that_leads_nowhere_is_missing(tmp_path: Path) -> None:
    TREES["emodb"].make(tmp_path)
    (tmp_path / "03b01Wa.wav").symlink_to(tmp_path / "gone.wav")
    (found,) = [p for p in open_dataset(tmp_path).validate() if p.level == "error"]
    assert (found.kind, Path(found.path).name) == ("missing", "03b01Wa.wav")


def test_an_empty_file_that_was_there_from_the_start(tmp_path: Path) -> None:
    TREES["emodb"].make(tmp_path)
    (tmp_path / "03b01Wa.wav").touch()
    (found,) = [p for p in open_dataset(tmp_path).validate() if p.level == "error"]
    assert (found.kind, Path(found.path).name) == ("damaged", "03b01Wa.wav")
