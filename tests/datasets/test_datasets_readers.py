"""What is particular to one reader, tables line by line, and the command line of data."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from command_line import Run, runner
from dataset_trees import TREES, film, picture, sound, text
from emonets import EMOTIONS
from emonets.datasets import DATASETS, Dataset, open_dataset
from emonets.datasets.speech import load_recordings
from emonets.errors import DataError, MissingExtraError, ParameterError


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


def words(dataset: Dataset) -> list[tuple[str, str, str]]:
    """Emotion, own word, group."""
    return [(EMOTIONS[item.label], item.word, item.group) for item in dataset.items]


# corpora


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
        film(tmp_path / "VideoFlash" / f"{name}.flv")
    sound(tmp_path / "AudioWAV" / "1001_IEO_ANG_HI.wav")
    sound(tmp_path / "AudioWAV" / "1001_IEO_XYZ_HI.wav")
    dataset = open_dataset(tmp_path)
    assert [item.path.suffix for item in dataset.items] == [".wav", ".flv", ".flv"]
    assert sum(dropped.kind == "copy" for dropped in dataset.dropped) == 2
    (odd,) = [p for p in dataset.validate() if p.kind == "unlabelled"]
    assert "emotion XYZ is none of CREMA-D" in odd.message
    heard = open_dataset(tmp_path, kind="sound")
    assert [item.kind for item in heard.items] == ["sound"] * 3
    assert len(open_dataset(tmp_path, kind="clip")) == 2
    with pytest.raises(ParameterError, match="kind='still'"):
        open_dataset(tmp_path, kind="still")
    # training reads it, too
    assert [item.path for item in load_recordings(tmp_path).items] == [
        item.path for item in dataset.items
    ]


def test_savee_tells_speakers_by_folder_or_name(tmp_path: Path) -> None:
    for name in ("AudioData/DC/sa01.wav", "AudioData/JE/sa01.wav", "AudioData/XX/sa01.wav"):
        sound(tmp_path / name)
    film(tmp_path / "AudioVisualClip/DC/sa1.avi")
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


def test_ravdess_keeps_its_folds(tmp_path: Path) -> None:
    dataset = open_dataset(TREES["ravdess, speech"].make(tmp_path))
    assert dataset.folds == {"01": 4, "12": 2}
    assert ("neutral", "calm", "01") in words(dataset)
    (note,) = dataset.validate()
    assert (note.level, note.kind) == ("note", "incomplete")
    with pytest.raises(DataError, match="no file of 03-02"):
        open_dataset(tmp_path, channel="03-02")


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


# words of one's own


def test_folders_of_ones_own_words(tmp_path: Path) -> None:
    for name in ("amused/1.wav", "bored/1.wav", "meh/1.wav", "sad/1.wav"):
        sound(tmp_path / name)
    plain = open_dataset(tmp_path)
    assert words(plain) == [("sad", "sad", "sad/1.wav")]
    found = {p.kind: p for p in plain.validate()}
    assert {"unlabelled", "outside"} <= set(found)
    own = open_dataset(tmp_path, labels={"Amused": "happy", "meh": "drop"})
    assert [word for _, word, _ in words(own)] == ["amused", "sad"]
    assert own.info.words["amused"] == "happy"
    assert (
        {d.word for d in own.dropped}
        == {"bored", "meh"}
        == set(own.info.outside)
        & {
            "bored",
            "meh",
        }
    )
    with pytest.raises(ParameterError, match="'amused' is mapped to 'glad'"):
        open_dataset(tmp_path, labels={"amused": "glad"})


def test_folders_whose_words_are_all_ones_own(tmp_path: Path) -> None:
    for name in ("amused", "gloomy"):
        sound(tmp_path / name / "1.wav")
    with pytest.raises(DataError, match="expected class folders"):
        open_dataset(tmp_path)
    assert len(open_dataset(tmp_path, labels={"amused": "happy", "gloomy": "sad"})) == 2


def test_people_are_named_by_a_pattern(tmp_path: Path) -> None:
    for name in ("angry/7_1.wav", "sad/7_2.wav", "sad/8_1.wav"):
        sound(tmp_path / name)
    assert open_dataset(tmp_path, group_pattern=r"^(\d+)_").groups.tolist() == ["7", "7", "8"]


# tables


GOOD = ("a.wav,sad,ann,train,,", "b.wav,sad,bob,test,,")


def table(root: Path, *lines: str, header: str = "path,label,group,split,start,end") -> Path:
    for name in ("a", "b", "c"):
        sound(root / f"{name}.wav")
    return text(root / "m.csv", header, *lines)


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        ("c.wav,sda,cid,,,", "label", r"label 'sda' is none of .*is 'sad' meant"),
        ("c.wav,3,cid,,,", "label", "label '3' is none of"),
        ("x.wav,sad,cid,,,", "missing", r"x\.wav is not there"),
        (",sad,cid,,,", "missing", r"\(no path\) is not there"),
        ("a.wav,sad,ann,train,,", "duplicate", r"a\.wav is named in line 2 already$"),
        ("./a.wav,happy,ann,train,,", "duplicate", "in line 2 already, as 'sad'"),
        ("c.wav,sad,cid,half,,", "split", "split 'half' must be train, valid or test"),
        ("c.wav,sad,cid,,-1,", "span", "start and end must be seconds, 0 or more, got '-1'"),
        ("c.wav,sad,cid,,soon,", "span", "got 'soon'"),
        ("c.wav,sad,cid,,2,2", "span", "end 2 must lie after start 2"),
        ("c.wav,sad,cid,,,inf", "span", "got 'inf'"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, kind: str, says: str) -> None:
    path = table(tmp_path, *GOOD, line)
    with pytest.raises(DataError, match=says) as error:
        open_dataset(path)
    assert str(error.value).startswith(f"{path} line 4: ")
    dataset = open_dataset(path, strict=False)
    assert len(dataset) == 2
    (found,) = [p for p in dataset.validate() if p.level == "error"]
    assert (found.kind, found.path, found.line) == (kind, str(path), 4)


def test_many_wrong_lines_are_one_error(tmp_path: Path) -> None:
    path = table(tmp_path, *(f"{k}.wav,sad,,,," for k in range(9)))
    with pytest.raises(DataError, match=r"line 2: 0\.wav is not there.*; and 4 more"):
        open_dataset(path, strict=False)


def test_a_group_in_two_splits_is_refused_unless_asked_for(tmp_path: Path) -> None:
    path = table(tmp_path, *GOOD, "c.wav,happy,ann,test,,")
    with pytest.raises(DataError) as error:
        open_dataset(path)
    said = str(error.value)
    assert "group 'ann' is in train" in said
    assert "a.wav, line 2" in said
    assert "c.wav, line 4" in said
    assert len(open_dataset(path, shared_groups=True)) == 3


def test_a_file_in_pieces_is_one_group(tmp_path: Path) -> None:
    path = table(tmp_path, "a.wav,sad,,train,0,0.01", "a.wav,happy,,test,0.01,0.02")
    with pytest.raises(DataError, match=r"group 'a\.wav' is in train"):
        open_dataset(path)
    assert not open_dataset(path, shared_groups=True).grouped


def test_a_piece_beyond_the_end_is_found_when_all_are_opened(tmp_path: Path) -> None:
    dataset = open_dataset(table(tmp_path, *GOOD, "c.wav,sad,cid,,0,5"))
    assert [p for p in dataset.validate() if p.level == "error"] == []
    (found,) = [p for p in dataset.validate(deep=True) if p.level == "error"]
    assert (found.kind, found.line) == ("span", 4)
    assert "ends at 0.02 s" in found.message


def test_a_missing_column(tmp_path: Path) -> None:
    path = table(tmp_path, "a.wav,sad", header="path,label")
    with pytest.raises(DataError, match=r"m\.csv: expected .*path, label, group"):
        open_dataset(path, "manifest")


def test_own_words_in_a_table(tmp_path: Path) -> None:
    path = table(tmp_path, "a.wav,Amused,ann,,,", "b.wav,tired,bob,,,", "c.wav,boredom,cid,,,")
    dataset = open_dataset(path, labels={"amused": "happy", "tired": "drop"})
    assert words(dataset) == [("happy", "amused", "ann")]
    assert [(d.kind, d.word) for d in dataset.dropped] == [
        ("outside", "tired"), ("outside", "boredom"),
    ]  # fmt: skip


def test_a_table_of_parquet(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    sound(tmp_path / "a.wav")
    rows = {"Path": ["a.wav"] * 2, "label": ["sad", "joy"], "group": ["x", "x"],
            "start": [0, 0.01], "end": [0.01, np.nan], "other": [1, 2]}  # fmt: skip
    file = tmp_path / "m.parquet"
    pd.DataFrame(rows).to_parquet(file)
    dataset = open_dataset(file)
    assert [(i.start, i.end, i.line) for i in dataset.items] == [(0, 0.01, 1), (0.01, None, 2)]
    pd.DataFrame({"path": [], "label": []}).to_parquet(file)
    with pytest.raises(DataError, match="expected a first line with the columns"):
        open_dataset(file, "manifest")
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="is no readable Parquet file"):
        open_dataset(file, "manifest")


def test_parquet_without_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m.parquet"
    file.write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match="parquet"):
        open_dataset(file)


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


# the command line


def test_list(run: Run) -> None:
    code, out, _ = run("data", "list")
    assert code == 0
    for name in DATASETS:
        assert name in out
    code, out, _ = run("data", "list", "--json")
    listed = json.loads(out)
    assert [one["name"] for one in listed] == list(DATASETS)
    assert all(one["licence"] and one["where"] and one["group"] for one in listed)


@pytest.mark.parametrize("name", DATASETS)
def test_show(run: Run, name: str) -> None:
    code, out, _ = run("data", "show", name)
    assert code == 0
    assert DATASETS[name].info.citation in out
    code, out, _ = run("data", "show", name, "--json")
    assert json.loads(out)["words"] == dict(DATASETS[name].info.words)


def test_show_what_is_none(run: Run) -> None:
    code, _, err = run("data", "show", "cremad")
    assert code == 2
    assert "there are folders, manifest, afew" in err


def test_check_a_good_tree(run: Run, tmp_path: Path) -> None:
    TREES["afew 2013"].make(tmp_path)
    code, out, _ = run("data", "check", tmp_path, "--deep")
    assert code == 0
    assert "afew" in out
    assert "not of every item is the group known" in out
    assert "0 errors, 0 warnings, 1 note" in out
    code, out, _ = run("data", "check", tmp_path, "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["dataset"], report["n"], report["errors"]) == ("afew", 21, 0)
    assert report["counts"]["angry"] == {"train": 1, "valid": 1, "test": 1}


def test_check_with_errors(run: Run, tmp_path: Path) -> None:
    path = table(tmp_path, *GOOD, "x.wav,sad,cid,,,", "c.wav,glad,ann,test,,")
    code, out, _ = run("data", "check", path)
    assert code == 1
    assert f"error: missing: {path} line 4: x.wav is not there" in out
    assert f"error: label: {path} line 5" in out
    assert "2 errors" in out
    code, out, _ = run("data", "check", path, "--json", "--map", "glad=happy")
    assert code == 1
    report = json.loads(out)
    assert {p["kind"] for p in report["problems"] if p["level"] == "error"} == {"missing", "group"}
    assert report["errors"] == 2


def test_check_shows_the_first_of_many(run: Run, tmp_path: Path) -> None:
    path = table(tmp_path, *GOOD, *(f"{k}.wav,sad,cid,,," for k in range(30)))
    code, out, _ = run("data", "check", path)
    assert code == 1
    assert "error: missing: 10 more; --json lists all" in out
    assert out.count("is not there") == 20


def test_check_what_is_no_dataset(run: Run, tmp_path: Path) -> None:
    TREES["tess"].make(tmp_path)
    for words_, code, says in (
        ((tmp_path, "--layout", "emodb"), 1, "expected of emodb"),
        ((tmp_path, "--layout", "nope"), 2, "must be one of folders"),
        ((tmp_path / "absent",), 1, "no such file or folder"),
        ((tmp_path, "--map", "glad"), 2, "--map takes WORD=EMOTION"),
        ((tmp_path, "--group-pattern", "x"), 2, "group_pattern goes with folders"),
    ):
        got, out, err = run("data", "check", *words_)
        assert (got, out) == (code, "")
        assert says in err
        assert len(err.strip().splitlines()) == 1
