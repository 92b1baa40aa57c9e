"""The command line as a user runs it: output, errors, exit status."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from command_line import Run, runner
from emonets import EMOTIONS, __version__
from emonets.result import COLUMNS


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    every = runner(monkeypatch, capsys)

    def call(*words: object) -> tuple[int, str, str]:
        # the face alone: rows are counted here, and those of audio are in
        # test_predict_audio.py
        if words[:1] != ("predict",):
            return every(*words)
        # faces are searched for in every sixth frame, where a test does not choose
        faces = [] if "--stride" in words else ["--stride", "6"]
        return every(*words, "--models", "face", *faces)

    return call


def test_table(run: Run, happy: Path) -> None:
    code, out, err = run("predict", happy)
    assert code == 0
    assert "happy" in out
    assert "clip" in out
    assert "mean of the frame probabilities" in out
    assert "Traceback" not in err


def test_csv_is_all_there_is_on_standard_output(run: Run, happy: Path) -> None:
    code, out, _ = run("predict", happy, "--format", "csv", "--stride", 1)
    frame = pd.read_csv(io.StringIO(out))
    assert code == 0
    assert tuple(frame.columns) == COLUMNS
    assert frame["label"].tolist() == ["happy", "happy"]  # the face alone


def test_json(run: Run, happy: Path) -> None:
    code, out, _ = run("predict", happy, "--format", "json", "--window", "0.5", "--hop", "0.25")
    content = json.loads(out)
    assert code == 0
    assert content["schema_version"] == 2
    assert content["emotions"] == list(EMOTIONS)
    assert content["files"][0]["status"] == "ok"
    assert len(content["rows"]) > 4
    assert content["about"]["decision"].startswith("mean")


@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
def test_out(run: Run, happy: Path, angry: Path, tmp_path: Path, format: str) -> None:
    code, _, err = run("predict", happy, angry, "--out", tmp_path, "--format", format)
    assert code == 0, err
    assert (tmp_path / f"results.{format}").stat().st_size > 100
    status = pd.read_csv(tmp_path / "status.csv")
    assert status["status"].tolist() == ["ok", "ok"]
    assert not list(tmp_path.rglob("*.part"))


def test_interrupted_work_resumes(
    run: Run, happy: Path, angry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emonets.model import EmoNets

    run("predict", happy, "--out", tmp_path, "--format", "csv")
    seen = []
    real = EmoNets.predict_clip

    def spy(self: EmoNets, path: Path, **options: object) -> object:
        seen.append(Path(path).name)
        return real(self, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(EmoNets, "predict_clip", spy)
    run("predict", happy, angry, "--out", tmp_path, "--format", "csv")
    assert seen == [angry.name]
    assert len(pd.read_csv(tmp_path / "results.csv")) == 4
    run("predict", happy, angry, "--out", tmp_path, "--format", "csv", "--stride", 2)
    assert seen == [angry.name, happy.name, angry.name]  # other options, other predictions


def test_a_bad_file_does_not_stop_the_others(run: Run, happy: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_text("no clip")
    (tmp_path / "empty.avi").write_bytes(b"")
    shutil.copy(happy, tmp_path / "good.flv")
    code, out, err = run("predict", tmp_path, tmp_path / "missing.mov", "--format", "csv")
    assert code == 1
    assert pd.read_csv(io.StringIO(out))["label"].notna().tolist() == [True, True]
    for name in ("broken.mp4", "empty.avi", "missing.mov"):
        assert name in err
    assert err.count("error") == 3
    assert "ok" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_agree(run: Run, happy: Path, angry: Path, workers: int) -> None:
    _, out, _ = run("predict", happy, angry, "--format", "csv", "--workers", workers)
    assert [Path(f).name for f in pd.read_csv(io.StringIO(out))["file"]] == [
        happy.name, happy.name, angry.name, angry.name,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["predict", "nothing.mp4"], 1, "nothing.mp4"),
        (["predict", "http://example.org/a.mp4"], 1, "example.org"),
        (["predict", "{happy}", "--bundle", "nowhere"], 1, "shipped ones: "),
        (["predict", "{happy}", "--device", "abacus"], 2, "available: cpu"),
        (["predict", "{happy}", "--window", "often"], 2, "--window takes seconds"),
        (["predict", "{happy}", "--window", "0"], 2, "seconds or more"),
        (["predict", "{happy}", "--stride", "0"], 2, "stride"),
        (["predict", "{happy}", "--workers", "0"], 2, "workers"),
        (["predict", "{happy}", "--detector", "eyes"], 2, "centerface"),
        (["predict", "{happy}", "--format", "parquet"], 2, "--out"),
        (["predict", "{happy}", "--format", "xml"], 2, "xml"),
        (["predict"], 2, "files"),
        (["evaluate", "face", "--data", "nothing.npz"], 1, "nothing.npz"),
        (["train", "face", "nothing.npz", "--out", "{tmp}/b"], 1, "nothing.npz"),
        (["train", "face", "x", "--out", "{tmp}/b", "--preset", "papr"], 2, "paper"),
        (["reproduce", "afew2", "--data", "nowhere"], 1, "nowhere"),
    ],
)
def test_one_clear_error(
    run: Run, happy: Path, tmp_path: Path, words: list[str], code: int, text: str
) -> None:
    got, _, err = run(*(w.format(happy=happy, tmp=tmp_path) for w in words))
    assert got == code, err
    assert text in err
    assert "Traceback" not in err


def test_no_face_is_reported_and_fails(run: Run, tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "wall.png"), np.full((90, 120, 3), 127, np.uint8))
    code, out, err = run("predict", tmp_path / "wall.png", "--format", "csv")
    assert code == 1
    row = pd.read_csv(io.StringIO(out)).iloc[0]
    assert not row["face_found"]
    assert pd.isna(row["label"])
    assert row["angry"] == pytest.approx(1 / 7, abs=1e-6)
    assert "no face" in err


def test_version_and_help(run: Run) -> None:
    assert run("--version")[1].strip() == f"emonets {__version__}"
    code, out, _ = run("--help")
    assert code == 0
    for command in ("predict", "train", "evaluate", "reproduce"):
        assert command in out


def make_faces(folder: Path, n: int = 12) -> Path:
    """Class folders of noise, each class with a bright bar elsewhere."""
    import cv2

    rng = np.random.default_rng(0)
    for split in ("train", "valid", "test"):
        for k, name in enumerate(EMOTIONS):
            (folder / split / name).mkdir(parents=True)
            for i in range(n if split == "train" else 4):
                image = rng.integers(0, 60, (48, 48)).astype(np.uint8)
                image[6 + 5 * k : 10 + 5 * k] += 150
                cv2.imwrite(str(folder / split / name / f"{i}.png"), image)
    return folder


def test_train_then_evaluate_then_predict(run: Run, happy: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    faces = make_faces(tmp_path / "faces")
    preset = tmp_path / "tiny.toml"
    preset.write_text(
        "name = 'tiny'\n[face.network]\nnetwork = 'convnet2'\nbatch_size = 16\nepochs = 2\n"
        "[face.images]\nillumination = 'none'\n"
    )
    out = tmp_path / "bundle"
    code, _, err = run("train", "face", faces, "--out", out, "--preset", preset, "--epochs", 1)
    assert code == 0, err
    assert "epoch 1/1" in err
    code, _, err = run("train", "face", faces, "--out", out, "--preset", preset)
    assert "epoch 2/2" in err
    assert "epoch 1/2" not in err  # resumed from the checkpoint
    scores = tmp_path / "scores.json"
    code, text, err = run(
        "evaluate", "face", "--data", faces, "--split", "test", "--bundle", out,
        "--json", scores, "--figure", tmp_path / "confusion.png",
    )  # fmt: skip
    assert code == 0, err
    content = json.loads(scores.read_text())
    assert content["n"] == 28
    assert 0 <= content["accuracy"] <= 1
    assert "accuracy" in text
    assert "no test" not in text
    assert (tmp_path / "confusion.png").stat().st_size > 1000
    code, text, _ = run("evaluate", "face", "--data", faces, "--split", "train", "--bundle", out)
    assert "the network was trained on train: these are no test scores" in text
    code, text, _ = run("predict", happy, "--bundle", out, "--format", "csv")
    assert code == 0
    code, _, err = run("evaluate", "face", "--data", faces, "--split", "exam", "--bundle", out)
    assert code == 1
    assert "valid" in err


def test_stop_on_clips(run: Run, happy: Path, angry: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    faces = make_faces(tmp_path / "faces", n=4)
    for name, clip in (("happy", happy), ("angry", angry)):
        (tmp_path / "clips" / name).mkdir(parents=True)
        shutil.copy(clip, tmp_path / "clips" / name)
    preset = tmp_path / "tiny.toml"
    preset.write_text("[face.network]\nnetwork = 'convnet2'\nepochs = 1\n")
    code, _, err = run(
        "train", "face", faces, "--out", tmp_path / "b", "--preset", preset,
        "--stop-on-clips", tmp_path / "clips",
    )  # fmt: skip
    assert code == 0, err
    card = json.loads((tmp_path / "b" / "bundle.json").read_text())["card"]
    assert card["chosen_by"] == "accuracy on clips of clips"


def test_missing_class_is_named(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    faces = make_faces(tmp_path / "faces", n=3)
    for split in ("train", "valid", "test"):
        shutil.rmtree(faces / split / "fear")
    code, _, err = run("train", "face", faces, "--out", tmp_path / "b")
    assert code == 1
    assert "fear" in err


AWKWARD = ["[bold]x.flv", "a:dog:.flv", "=SUM(1).flv", "naïve 日本.FLV", "n" * 240 + ".flv"]


def test_awkward_names_are_printed_as_they_are(run: Run, happy: Path, tmp_path: Path) -> None:
    clips, out = tmp_path / "clips", tmp_path / "out"
    clips.mkdir()
    for name in AWKWARD:
        shutil.copy(happy, clips / name)
    code, table, err = run("predict", clips, "--out", out, "--stride", 10)
    assert code == 0, err
    for name in AWKWARD:
        assert table.count(name) == 2, name
    files = pd.read_csv(out / "results.csv")["file"]
    assert sorted({Path(f).name for f in files}) == sorted(AWKWARD)
    assert run("predict", clips / "a:*", "--stride", 10)[0] == 0  # a pattern, and no address
    code, _, err = run("predict", "n" * 300 + ".flv", clips / AWKWARD[0], "--stride", 10)
    assert code == 1
    assert "cannot be read" in err


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's")
@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
def test_a_name_that_is_no_utf8(run: Run, happy: Path, tmp_path: Path, format: str) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    shutil.copy(happy, os.fsdecode(os.fsencode(clips) + b"/bad\xff.flv"))
    shutil.copy(happy, clips / "good.flv")
    for _ in range(2):  # the second time from what was kept
        code, _, err = run("predict", clips, "--out", tmp_path / "out", "--format", format)
        assert code == 0, err
    assert "bad\\udcff.flv" in (tmp_path / "out" / "status.csv").read_text("utf-8")
    kept = list((tmp_path / "out" / "clips").glob("*.json"))
    assert len(kept) == 2
    name = json.loads(next(f for f in kept if "bad" in f.name).read_text("utf-8"))["rows"][0][
        "file"
    ]
    assert Path(name).exists()


def test_two_files_of_one_name_have_their_folders(run: Run, happy: Path, tmp_path: Path) -> None:
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
        shutil.copy(happy, tmp_path / day / "a.flv")
    _, out, _ = run("predict", tmp_path)
    assert out.count("day1") == out.count("day2") == 2


def test_an_impossible_output_folder_is_reported_before_the_work(
    run: Run, happy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("worked before it checked where the results go")

    monkeypatch.setattr("emonets.model.EmoNets.predict_clip", never)
    (tmp_path / "file").write_text("not a folder")
    code, _, err = run("predict", happy, "--out", tmp_path / "file", "--format", "csv")
    assert code == 1
    assert "cannot write" in err
    assert "--out" in err


def test_parquet_without_pyarrow_is_reported_before_the_work(
    run: Run, happy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pyarrow" else real(name)
    )
    code, _, err = run("predict", happy, "--out", tmp_path / "out", "--format", "parquet")
    assert code == 1
    assert "emonets[parquet]" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["http://example.org/a.mp4", "https://example.org/a?b=[1]"])
def test_an_address_is_refused_as_one(run: Run, name: str) -> None:
    code, _, err = run("predict", name)
    assert code == 1
    assert "only local files are read" in err


def test_an_empty_name_is_not_the_folder_one_stands_in(run: Run) -> None:
    code, _, err = run("predict", "")
    assert code == 1
    assert "is no file name" in err


def test_what_cannot_be_written_is_reported_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(path: object) -> None:
        raise AssertionError("read the data before it checked where the results go")

    monkeypatch.setattr("emonets.training.face_network.open_dataset", never)
    file = tmp_path / "file"
    file.write_text("not a folder")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.png").write_text("mine")
    evaluate = ("evaluate", "face", "--data", "x")
    for words, text in (
        (("train", "face", "x", "--out", file), "is a file"),
        (("train", "face", "x", "--out", file / "b"), "cannot be written"),
        (("train", "face", "x", "--out", tmp_path / "photos"), "not a bundle"),
        (("train", "face", "x", "--out", tmp_path / "b", "--checkpoint", file / "c"), "cannot be"),
        (("train", "face", "x", "--out", tmp_path / "b", "--epochs", 0), "epochs must be"),
        ((*evaluate, "--json", file / "x.json"), "cannot be written"),
        ((*evaluate, "--json", tmp_path), "is a folder"),
        ((*evaluate, "--figure", file / "x.png"), "cannot be written"),
        ((*evaluate, "--results", file / "x"), "cannot be written"),
        (("reproduce", "afew2", "--data", "x", "--json", file / "x.json"), "cannot be written"),
    ):
        code, _, err = run(*words)
        assert code in (1, 2), words
        assert text in err, words
    assert (tmp_path / "photos" / "1.png").read_text() == "mine"


@pytest.mark.parametrize("part", ["torch", "matplotlib"])
def test_a_missing_extra_is_reported_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == part else real(name)
    )
    if part == "torch":
        code, _, err = run("train", "face", "nowhere", "--out", tmp_path / "b")
        assert "emonets[train]" in err
    else:
        code, _, err = run("evaluate", "face", "--data", "nowhere", "--figure", tmp_path / "x.png")
        assert "emonets[plot]" in err
    assert code == 1


def test_presets_slots_skipped_pictures_and_all_splits(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    faces = make_faces(tmp_path / "faces", n=4) / "train"
    (faces / "happy" / "broken.png").write_text("no picture")
    preset = tmp_path / "tiny.toml"
    preset.write_text("[face.network]\nnetwork='convnet2'\nepochs=1\n[face.clips]\nslots=5\n")
    code, _, err = run("train", "face", faces, "--out", tmp_path / "b", "--preset", preset)
    assert code == 0, err
    assert "files left out: 1" in err
    assert "broken.png" in err
    code, _, err = run(
        "train", "face", faces, "--out", tmp_path / "b", "--preset", preset, "--illumination",
        "isotropic", "--epochs", 2,
    )  # fmt: skip
    assert code == 1
    assert "made with other pictures" in err
    settings = json.loads((tmp_path / "b" / "bundle.json").read_text())["specialists"]["face"]
    assert settings["slots"] == 5
    scores = tmp_path / "scores.json"
    code, _, err = run(
        "evaluate", "face", "--data", faces, "--split", "all", "--bundle", tmp_path / "b",
        "--json", scores,
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(scores.read_text())["n"] == 28
    code, _, err = run("evaluate", "face", "--data", faces, "--bundle", tmp_path / "b")
    assert code == 1
    assert "--split all" in err


@pytest.mark.parametrize("part", [1, 3, 5, 7, 8, 9, 11, 13, 15])
def test_truncated_at_every_sixteenth(run: Run, happy: Path, tmp_path: Path, part: int) -> None:
    """The rest may be predicted, but is never reported as the whole."""
    data = happy.read_bytes()
    (tmp_path / "cut.flv").write_bytes(data[: len(data) * part // 16])
    code, out, err = run("predict", tmp_path / "cut.flv", "--format", "csv")
    assert code == 1
    assert "cut.flv" in err
    assert "Traceback" not in err
    rows = pd.read_csv(io.StringIO(out))
    if part > 8:
        assert rows["face_found"].all()
        assert err.startswith("damaged: ")


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "emonets", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert __version__ in done.stdout
