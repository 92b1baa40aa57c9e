"""Readers of labelled recordings, on empty-handed files: only names, folders and tables matter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emonets import EMOTIONS
from emonets.datasets.readers import emodb, javanese, ravdess
from emonets.datasets.readers.class_folders import read_sound_folder
from emonets.datasets.readers.manifest import read_manifest
from emonets.datasets.readers.ravdess import read_ravdess
from emonets.datasets.reading import nearest
from emonets.datasets.speech import Recordings, detect_layout, load_recordings
from emonets.errors import DataError, EmoNetsError, ParameterError


def make(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"sound")
    return folder


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def labels(recordings: Recordings) -> dict[str, tuple[str, str, str]]:
    """Name → emotion, own word, group."""
    return {
        item.path.name: (EMOTIONS[item.label], item.fine, item.group) for item in recordings.items
    }


def dropped(recordings: Recordings) -> dict[str, str]:
    return {Path(file).name: why for file, why in recordings.dropped}


# RAVDESS


RAVDESS = [f"Actor_12/03-01-0{k}-01-02-01-12.wav" for k in range(1, 9)]


def test_ravdess_labels(tmp_path: Path) -> None:
    found = load_recordings(make(tmp_path, *RAVDESS))
    assert found.name == "ravdess_speech"
    assert [(EMOTIONS[i.label], i.fine) for i in found.items] == [
        ("neutral", "neutral"), ("neutral", "calm"), ("happy", "happy"), ("sad", "sad"),
        ("angry", "angry"), ("fear", "fearful"), ("disgust", "disgust"), ("surprise", "surprised"),
    ]  # fmt: skip
    assert set(found.groups) == {"12"}
    assert found.folds == {"12": 2}
    assert found.dropped == ()
    assert found.grouped
    assert "livingstone" in found.about.citation
    assert found.about.licence == "CC BY-NC-SA 4.0"
    assert found.about.where


def test_ravdess_folds_are_the_agreed_ones() -> None:
    parts = [{int(a) for a, k in ravdess.FOLDS.items() if k == fold} for fold in range(5)]
    assert parts == [
        {2, 5, 14, 15, 16}, {3, 6, 7, 13, 18}, {10, 11, 12, 19, 20}, {8, 17, 21, 23, 24},
        {1, 4, 9, 22},
    ]  # fmt: skip
    assert len(ravdess.FOLDS) == 24


def test_ravdess_takes_one_channel_at_a_time(tmp_path: Path) -> None:
    make(tmp_path, *(f"{c}-03-01-01-01-05.mp4" for c in ravdess.CHANNELS))
    found = load_recordings(tmp_path)
    assert list(labels(found)) == ["03-01-03-01-01-01-05.mp4"]
    assert len(found.dropped) == 5
    assert "picture of song" in dropped(found)["02-02-03-01-01-01-05.mp4"]
    for channel in ravdess.CHANNELS:
        found = load_recordings(tmp_path, channel=channel)
        assert list(labels(found)) == [f"{channel}-03-01-01-01-05.mp4"]
        assert found.name == ("ravdess_song" if channel[-1] == "2" else "ravdess_speech")


def test_ravdess_films_are_taken_where_there_is_no_sound_file(tmp_path: Path) -> None:
    make(tmp_path, "01-01-03-01-01-01-05.mp4", "02-01-03-01-01-01-05.mp4")
    assert list(labels(load_recordings(tmp_path))) == ["01-01-03-01-01-01-05.mp4"]
    with pytest.raises(DataError, match=r"no file of 03-02 .*but 1 of 01-01 .*1 of 02-01"):
        load_recordings(tmp_path, channel="03-02")


def test_ravdess_copies_and_strangers_are_dropped(tmp_path: Path) -> None:
    make(
        tmp_path, *RAVDESS, f"all/{RAVDESS[0]}", "03-01-09-01-01-01-12.wav",
        "03-01-01-01-01-01-25.wav", "other.wav", "README.txt", ".hidden/03-01-01-01-01-01-01.wav",
        "__MACOSX/03-01-01-01-01-01-01.wav", "._03-01-01-01-01-01-01.wav",
    )  # fmt: skip
    (tmp_path / "03-01-01-01-01-01-01.wav").touch()
    found = load_recordings(tmp_path)
    assert len(found) == 8
    why = dropped(found)
    assert len(why) == 6
    assert "same name as" in why["03-01-01-01-02-01-12.wav"]
    assert "emotion 09" in why["03-01-09-01-01-01-12.wav"]
    assert "actor 25" in why["03-01-01-01-01-01-25.wav"]
    assert "none of ravdess" in why["other.wav"]
    assert "neither a sound file" in why["README.txt"]
    assert "empty" in why["03-01-01-01-01-01-01.wav"]


# EMO-DB and Javanese


def test_emodb(tmp_path: Path) -> None:
    make(tmp_path, *(f"wav/{k:02d}a01{e}b.wav" for k, e in enumerate("WLEAFTN", 3)), "03a01Xa.wav")
    found = load_recordings(tmp_path)
    assert found.name == "emodb"
    assert [(EMOTIONS[i.label], i.fine, i.group) for i in found.items] == [
        ("angry", "anger", "03"), ("disgust", "disgust", "05"), ("fear", "fear", "06"),
        ("happy", "happiness", "07"), ("sad", "sadness", "08"), ("neutral", "neutral", "09"),
    ]  # fmt: skip
    assert "boredom" in dropped(found)["04a01Lb.wav"]
    assert "emotion X" in dropped(found)["03a01Xa.wav"]
    assert found.folds is None


@pytest.mark.parametrize("suffix", [".wav", ".mp4", ".opus"])
def test_javanese(tmp_path: Path, suffix: str) -> None:
    make(tmp_path, *(f"0{k}-02-0{k}_07{suffix}" for k in range(1, 8)))
    found = load_recordings(tmp_path)
    assert found.name == "javanese_speech"
    assert [EMOTIONS[i.label] for i in found.items] == [
        "neutral", "sad", "happy", "surprise", "fear", "angry",
    ]  # fmt: skip
    assert found.groups.tolist() == ["01", "02", "03", "04", "05", "06"]
    assert "emotion 07" in dropped(found)[f"07-02-07_07{suffix}"]


@pytest.mark.parametrize("about", [ravdess.SPEECH, ravdess.SONG, emodb.ABOUT, javanese.ABOUT])
def test_every_corpus_says_its_terms_and_where_it_is(about: Any) -> None:
    assert about.name
    assert about.licence
    assert about.where


# class folders


def test_class_folders(tmp_path: Path) -> None:
    make(tmp_path, "Angry/2.wav", "Angry/10.wav", "joy/1.MP4", "CALM/x.ogg", "sadness/deep/er/1.wv")
    found = load_recordings(tmp_path)
    assert found.name == tmp_path.name
    assert [i.path.name for i in found.items] == ["2.wav", "10.wav", "x.ogg", "1.MP4", "1.wv"]
    assert [(EMOTIONS[i.label], i.fine) for i in found.items] == [
        ("angry", "angry"), ("angry", "angry"), ("neutral", "calm"), ("happy", "joy"),
        ("sad", "sadness"),
    ]  # fmt: skip
    # nobody knows who speaks: each for itself
    assert not found.grouped
    assert len(set(found.groups)) == 5
    assert found.items[0].group == "Angry/2.wav"
    assert found.counts() == {
        "angry": 2, "disgust": 0, "fear": 0, "happy": 1, "sad": 1, "surprise": 0, "neutral": 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["{label}/{who}/1.wav", "{who}/{label}/1.wav"])
def test_folders_of_people(tmp_path: Path, name: str) -> None:
    for who in ("anna", "Saad"):
        make(tmp_path, *(name.format(label=label, who=who) for label in ("angry", "happy")))
    found = load_recordings(tmp_path)
    assert found.grouped
    assert sorted((EMOTIONS[i.label], i.group) for i in found.items) == [
        ("angry", "Saad"), ("angry", "anna"), ("happy", "Saad"), ("happy", "anna"),
    ]  # fmt: skip


def test_split_folders(tmp_path: Path) -> None:
    make(tmp_path, "train/angry/anna/1.wav", "Test/angry/bob/1.wav", "fear/1.wav")
    found = load_recordings(tmp_path)
    assert [(i.split, i.group) for i in found.items] == [
        (None, "fear/1.wav"), ("test", "bob"), ("train", "anna"),
    ]  # fmt: skip
    assert not found.grouped


def test_group_pattern(tmp_path: Path) -> None:
    make(tmp_path, "angry/7_1.wav", "happy/8_1.wav", "happy/x/8_2.wav")
    found = load_recordings(tmp_path, group_pattern=r"^(\d+)_")
    assert found.groups.tolist() == ["7", "8", "8"]
    assert found.grouped
    make(tmp_path, "happy/none.wav")
    with pytest.raises(DataError, match=r"none\.wav.*does not match"):
        load_recordings(tmp_path, group_pattern=r"^(\d+)_")
    with pytest.raises(ParameterError, match="group_pattern"):
        load_recordings(tmp_path, group_pattern="(")


def test_what_lies_in_no_class_folder_is_listed(tmp_path: Path) -> None:
    make(tmp_path, "angry/1.wav", "contempt/1.flac", "Saad/2.wav", "happy/sad/3.wav", "angry/a.png")
    found = load_recordings(tmp_path)
    assert list(labels(found)) == ["1.wav"]
    assert dropped(found) == {
        "1.flac": "lies in no class folder (contempt is none)",
        "2.wav": "lies in no class folder (Saad is none)",
        "3.wav": "lies in folders of several classes (happy, sad)",
        "a.png": "is neither a sound file nor a film, by its ending",
    }


def test_a_misspelt_class_folder_is_an_error(tmp_path: Path) -> None:
    make(tmp_path, "angry/1.wav", "hapy/1.wav")
    with pytest.raises(DataError, match=r"'hapy' is no class.*'happy'"):
        load_recordings(tmp_path)


# tables


def test_manifest(tmp_path: Path) -> None:
    make(tmp_path, "a/1.wav", "a/2.strange", "b/3.wav", "b/4.wav", "b/5.wav")
    path = table(
        tmp_path / "mine.csv",
        "Path, label ,group,split,note",
        "b/3.wav,Joy,anna,train,x",
        f"{tmp_path}/a/1.wav,calm,bob,,",
        "",
        "a\\2.strange,fear,bob,test,",
        "b/4.wav,,bob,test,",
        "./b/3.wav,happy,anna,train,",
        '"b/5.wav",sad,,train,"a, b"',
    )
    found = load_recordings(path)
    assert found.name == "mine"
    assert [(i.path.name, EMOTIONS[i.label], i.fine, i.group, i.split) for i in found.items] == [
        ("3.wav", "happy", "joy", "anna", "train"),
        ("1.wav", "neutral", "calm", "bob", None),
        ("2.strange", "fear", "fear", "bob", "test"),
        ("5.wav", "sad", "sad", "b/5.wav", "train"),
    ]
    assert not found.grouped
    assert dropped(found) == {
        "4.wav": "has no label (line 6)",
        "3.wav": "is named twice (lines 2, 7)",
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_manifest_of_any_spreadsheet(tmp_path: Path, delimiter: str) -> None:
    make(tmp_path, "1.wav")
    text = "\r\n".join(delimiter.join(line) for line in (("group", "path", "label"),
                                                         ("ä", "1.wav", "angry"), ()))  # fmt: skip
    (tmp_path / "manifest.csv").write_bytes(text.encode("utf-8-sig"))
    for path in (tmp_path, tmp_path / "manifest.csv"):
        found = load_recordings(path)
        assert labels(found) == {"1.wav": ("angry", "angry", "ä")}
        assert found.grouped


def test_unknown_labels_are_named_with_their_lines_and_the_nearest_emotion(tmp_path: Path) -> None:
    path = table(tmp_path / "m.csv", "path,label,group", "1.wav,angy,a", "2.wav,3,a", "3.wav,sad,a")
    with pytest.raises(DataError) as error:
        load_recordings(path)
    assert "'angy' in line 2 (is 'angry' meant?)" in str(error.value)
    assert "'3' in line 3" in str(error.value)
    assert "line 4" not in str(error.value)


def test_missing_files_are_listed_together(tmp_path: Path) -> None:
    make(tmp_path, "here.wav")
    long = "x" * 5000
    path = table(
        tmp_path / "m.csv", "path,label,group", "a.wav,sad,a", "here.wav,sad,a", "b.wav,sad,a",
        ".,sad,a", ",sad,a", f"{long},sad,a", "c.wav,sad,a",
    )  # fmt: skip
    with pytest.raises(DataError, match=r"6 of 7 files are not there: a\.wav \(line 2\), b\.wav"):
        load_recordings(path)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("path,label", "1.wav,sad"), "expected a first line"),
        ((), "expected a first line"),
        (("path,label,group",), "names no recording"),
        (("path,label,group,start,end", "1.wav,sad,a,0,1"), "start, end"),
        (("path,label,group,label", "1.wav,sad,a,sad"), "more than one column 'label'"),
        (("path,label,group", "1.wav,sad"), "line 2 has 2 cells"),
        (("path,label,group", "1,5.wav,sad,a"), "line 2 has 4 cells"),
        (("path,label,group", '"1.wav"x,sad,a'), "is no table"),
        (("path,label,group", "1.wav,sad,a", "1.wav,happy,a"), "'sad' in line 2 and 'happy' in"),
        (("path,label,group", "1.wav,,a"), "not one labelled recording"),
    ],
)
def test_bad_tables(tmp_path: Path, lines: Sequence[str], says: str) -> None:
    make(tmp_path, "1.wav")
    path = table(tmp_path / "m.csv", *lines)
    with pytest.raises(DataError, match=says):
        read_manifest(path)


def test_tables_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(b"path,label,group\n\xff\xfe.wav,sad,a\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_manifest(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_manifest(tmp_path)


# telling them apart


def test_layouts_are_told_apart(tmp_path: Path) -> None:
    make(tmp_path / "r", *RAVDESS)
    make(tmp_path / "e", "03a01Wa.wav")
    make(tmp_path / "j", "01-01-01_01.wav")
    make(tmp_path / "f", "angry/1.wav")
    # names of a corpus say more than the class folders that they were sorted into
    make(
        tmp_path / "s",
        "angry/03-01-05-01-01-01-01.wav",
        "notes/1.wav",
        "sad/03-01-04-01-01-01-02.wav",
    )
    make(tmp_path / "t", "x.wav")
    table(tmp_path / "t" / "manifest.csv", "path,label,group", "x.wav,sad,a")
    expected = {"r": "ravdess", "e": "emodb", "j": "javanese", "f": "folders", "s": "ravdess",
                "t": "manifest"}  # fmt: skip
    assert {name: detect_layout(tmp_path / name) for name in expected} == expected
    assert load_recordings(tmp_path / "s").groups.tolist() == ["01", "02"]
    assert load_recordings(tmp_path / "s", layout="folders").items[0].group == (
        "angry/03-01-05-01-01-01-01.wav"
    )


def test_what_is_none_or_several_is_an_error(tmp_path: Path) -> None:
    make(tmp_path / "mixed", "03a01Wa.wav", "01-01-01_01.wav")
    make(tmp_path / "none", "1.wav", "2.wav", "03a01Wa.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"emodb \(1\) and javanese \(1\)"):
        load_recordings(tmp_path / "mixed")
    assert len(load_recordings(tmp_path / "mixed", layout="emodb")) == 1
    with pytest.raises(DataError, match="3 sound files and films, of which 1 are named as emodb"):
        load_recordings(tmp_path / "none")
    with pytest.raises(DataError, match="0 sound files"):
        load_recordings(tmp_path / "empty")
    with pytest.raises(DataError, match="no such file"):
        load_recordings(tmp_path / "absent")
    with pytest.raises(DataError, match="expected a folder"):
        load_recordings(tmp_path / "none" / "1.wav")


@pytest.mark.parametrize("layout", ["ravdess", "emodb", "javanese", "folders", "manifest"])
def test_a_layout_that_is_not_there(tmp_path: Path, layout: str) -> None:
    make(tmp_path, "1.wav", "notes.txt")
    with pytest.raises(DataError) as error:
        load_recordings(tmp_path, layout=layout)
    assert str(tmp_path) in str(error.value)
    with pytest.raises(DataError):
        load_recordings(make(tmp_path, "x/1.wav") / "x" / "1.wav", layout=layout)


def test_options_that_do_not_belong(tmp_path: Path) -> None:
    make(tmp_path / "r", *RAVDESS)
    make(tmp_path / "f", "angry/1.wav")
    for path, options, says in (
        ("r", {"layout": "crema"}, "layout='crema'"),
        ("r", {"group_pattern": "x"}, "'folders'"),
        ("f", {"channel": "03-01"}, "'ravdess'"),
        ("r", {"channel": "04-01"}, "channel='04-01'"),
    ):
        with pytest.raises(ParameterError, match=says):
            load_recordings(tmp_path / path, **options)  # type: ignore[arg-type]
    with pytest.raises(EmoNetsError):
        read_sound_folder(tmp_path / "absent")
    with pytest.raises(EmoNetsError):
        read_ravdess(tmp_path / "absent")


def test_nearest() -> None:
    assert nearest(" Hapiness") == "happy"
    assert nearest("suprised") == "surprise"
    assert nearest("neural") == "neutral"
    assert nearest("xyz") == ""


# the real ones


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
    found = load_recordings(folder)
    assert (len(found), len(set(found.groups)), len(found.dropped)) == (n, groups, lost)
    assert list(found.counts().values()) == counts
    assert found.labels.dtype == np.int64
    if found.folds is not None:
        assert set(found.folds) == set(found.groups)
