"""The paper's figures and tables by one command each: on made-up predictions, on the clip that
ships, and on the authors' files where they are beside the checkout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import Run, runner
from emonets.cli import reproduce
from emonets.errors import DataError
from emonets.fusion.search import RandomSearch
from emonets.reproduction import paper_panels, paper_tables
from emonets.reproduction import recipes as submissions
from emonets.reproduction.paper_data import PaperData, sort_data
from emonets.reproduction.paper_figures import draw_paper_figures
from emonets.reproduction.paper_panels import PANELS, panel
from emonets.reproduction.paper_tables import paper_table
from emonets.reproduction.recipes import ACTIVITY, AUDIO, FACE, MOUTH, find_submission
from emonets.reproduction.submission_data import SubmissionData
from emonets.reproduction.submission_training import _trainings
from fusion_data import predictions

pytest.importorskip("matplotlib", reason="needs emonets[plot]")

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "examples" / "1001_DFA_HAP_XX.flv"
SHARED = ROOT.parent / "shared"
AFEW2 = SHARED / "reference" / "afew2"
FER2013 = SHARED / "data" / "fer2013.npz"
afew2 = pytest.mark.skipif(not AFEW2.is_dir(), reason="the authors' files are not here")

N, F = 84, 4
P, Y, ACTORS = predictions(N, 4)
FOLD = (ACTORS % F).astype(str)


def model(j: int) -> Any:
    return lambda train, test: P[test, j]


def made(names: Sequence[str] = (FACE, AUDIO, ACTIVITY, MOUTH), **more: Any) -> SubmissionData:
    """Four folds in turn of made-up models."""
    models = {name: model(j) for j, name in enumerate(names)}
    return SubmissionData.of_folds("made_up", models, Y, FOLD, ACTORS.astype(str), **more)


def data_of(content: SubmissionData) -> PaperData:
    return PaperData(labelled=(Path("clips"),), train=lambda *about: content)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches of a few draws, and a grid of one point."""
    monkeypatch.setitem(submissions._GRID, "exponents", (0.0,))
    monkeypatch.setitem(submissions._GRID, "cv", 2)

    def few(name: str) -> Any:
        found = find_submission(name)
        if found.number == 3:
            return found
        return replace(
            found,
            make=lambda seed, models: RandomSearch(n_uniform=300, n_local=300, random_state=seed),
        )

    monkeypatch.setattr(paper_panels, "find_submission", few)
    monkeypatch.setattr(paper_tables, "find_submission", few)


@pytest.mark.parametrize("name", PANELS)
def test_each_panel_of_folds_in_turn(name: str) -> None:
    one = panel(name, data_of(made()))
    values = np.asarray(one.values)
    assert one.name.startswith(f"({name[-1]}) ")
    assert "not the paper's data" in one.lines[0]
    assert "4 folds in turn" in one.lines[0]
    if name.startswith("9"):
        assert values.shape == (5, 7)
        assert list(one.models)[-1] == "Face + audio"
        assert any("first of 4 turns" in line for line in one.lines)
    else:
        assert values.sum() == N
        assert f"{100 * np.trace(values) / N:.2f} %" in one.name


def test_a_single_model_is_counted_right() -> None:
    right = int((P[:, 1].argmax(axis=1) == Y).sum())
    one = panel("7b", data_of(made()))
    assert np.trace(np.asarray(one.values)) == right
    assert "the paper, on AFEW4 validation: 34.20 %" in one.lines
    assert np.asarray(one.values).sum(axis=1).tolist() == np.bincount(Y, minlength=7).tolist()


def test_of_several_data_the_first_that_has_the_model() -> None:
    data = data_of(made([FACE, AUDIO]))
    data.labelled = (Path("first"), Path("second"))
    data.train = lambda path, *about: made([FACE] if path.name == "first" else [FACE, AUDIO])
    assert panel("7b", data).name.startswith("(b) Audio")
    with pytest.raises(DataError, match="made_up: there are no predictions of activity"):
        panel("7c", data)
    data.models = ("face",)
    with pytest.raises(DataError, match="Figure 7c requires activity, which --models leaves out"):
        panel("7c", data)
    with pytest.raises(DataError, match="give --data: the authors' folder of AFEW2"):
        panel("7a", PaperData())


def test_labelled_clips_are_trained_for_what_is_required(
    monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path
) -> None:
    asked = []

    def trained(path: Path, name: object, *rest: Any, models: Any, alone: bool) -> SubmissionData:
        asked.append((path.name, rest[-1], tuple(models), alone))
        return made([FACE, MOUTH, ACTIVITY])

    monkeypatch.setattr(reproduce, "_trained", trained)
    (tmp_path / "clips").mkdir()
    given = ("--data", tmp_path / "clips", "--out", tmp_path)
    code, _, err = run("reproduce", "figure", "7", *given)
    assert code == 0, err
    assert asked == [("clips", False, (FACE, AUDIO, ACTIVITY, MOUTH), True)]  # once for all panels
    assert "left out: figure 7b: made_up: there are no predictions of audio" in err
    asked.clear()
    assert run("reproduce", "figure", "9b", *given, "--models", "face,mouth")[0] == 0
    assert asked == [("clips", True, (MOUTH, FACE), False)]
    assert {path.name for path in tmp_path.glob("*.png")} == {"figure_7.png", "figure_9b.png"}


def test_trainings_of_single_models() -> None:
    lone = [frozenset("123") - {f} for f in "123"]
    assert _trainings(["1", "2", "3"], True, alone=True) == lone
    assert len(_trainings(["1", "2", "3", "4"], True)) == 10
    assert _trainings(["train", "valid"], True, alone=True) == [frozenset({"train"})]


def test_all_figures_that_the_data_allow(run: Run, tmp_path: Path) -> None:
    source = made([FACE, MOUTH])
    table = ["clip,label,group,fold,model,trained_on," + ",".join(map(str, range(7)))]
    names = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    table[0] = table[0].replace("0,1,2,3,4,5,6", ",".join(names))
    for left in [(f,) for f in range(F)] + [(f, g) for g in range(F) for f in range(g)]:
        on = "+".join(str(f) for f in range(F) if f not in left)
        for i in range(N):
            for j, name in enumerate(source.models):
                numbers = ",".join(f"{x:.9f}" for x in P[i, j] / P[i, j].sum())
                table.append(
                    f"{i:03d}.mp4,{names[Y[i]]},{ACTORS[i]},{FOLD[i]},{name},{on},{numbers}"
                )
    (tmp_path / "made.csv").write_text("\n".join(table))
    code, out, err = run(
        "reproduce", "figure", "all", "--data", tmp_path / "made.csv", "--out", tmp_path / "all",
        "--figures", "svg",
    )  # fmt: skip
    assert code == 0, err
    drawn = {path.name for path in (tmp_path / "all").iterdir()}
    assert drawn == {f"figure_{k}.svg" for k in range(2, 10)}
    assert "left out: figure 7c: made: there are no predictions of activity" in err
    assert "left out: figure 7b" in err
    assert out == ""


def test_bad_input_is_one_sentence(run: Run, tmp_path: Path) -> None:
    for words, text in (
        (("1", "--out", tmp_path), "the paper has no figure '1' to draw"),
        (("7e", "--out", tmp_path), "no figure '7e'"),
        (("7", "--out", tmp_path), "Figure 7a is drawn from predictions of labelled clips"),
        (("4", "--data", tmp_path / "gone", "--out", tmp_path), "there is no such file or folder"),
        (("2", "--data", tmp_path, "--out", tmp_path), "Figure 2 is drawn from fer2013.npz"),
        (("4", "--data", __file__, "--out", tmp_path), "is no clip, no predictions and no folder"),
        (("4", "--out", __file__), "cannot be written"),
        (("4", "--out", tmp_path, "--figures", "gif"), "not in 'gif'"),
    ):
        code, _, err = run("reproduce", "figure", *words)
        assert code != 0
        assert text in err
        assert len(err.strip().splitlines()) == 1, err
    (tmp_path / "torn.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="is not a readable npz file"):
        sort_data([str(tmp_path / "torn.npz")])
    code, _, err = run("reproduce", "table", "4")
    assert code != 0
    assert "the paper has no table '4'" in err
    with pytest.raises(DataError, match="open: its faces are not smoothed"):
        draw_paper_figures("2", tmp_path, PaperData(), clip=CLIP, faces="open")


def test_table_3_without_and_with_data(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("reproduce", "table", "3", "--out", tmp_path)
    assert code == 0
    assert "| Linear SVM | 29.81 | [13] Gehrig and Ekenel" in out
    assert out.count("Our method (the paper)") == 2
    assert "emonets, here" not in out
    assert (tmp_path / "table_3.md").read_text().startswith("# Table 3\n\n| method |")
    text = paper_table("3", data_of(made([FACE, MOUTH])))  # without the SVM on face and audio
    assert "recipe 2013-7 on made_up, test, 84 clips" in text
    assert text.count("| emonets, here |") == 4
    assert text.count("validation, 21 clips; fitted on these clips") == 2


def test_tables_1_and_2_without_data() -> None:
    text = paper_table("1", PaperData())
    assert "2013-7" in text
    assert "49.49" in text
    assert "2014-9" not in text
    assert "45.45" in paper_table("2", PaperData())


@afew2
def test_the_authors_own_predictions(run: Run, tmp_path: Path) -> None:
    data = sort_data([str(AFEW2)])
    first, second = panel("7a", data), panel("7b", data)
    assert first.name == "(a) ConvNet 1, 38.13 %"
    assert second.name == "(b) Audio, 29.29 %"
    assert np.trace(np.asarray(first.values)) == 151
    assert panel("8a", data).name == "(a) Mean (2013-3), 39.90 %"
    assert panel("9a", data).models == ["Audio", "ConvNet 1", "SVM on both"]
    with pytest.raises(DataError, match="AFEW2: no predictions of"):
        panel("9b", data)
    for name in ("4", "5", "7"):
        code, _, err = run("reproduce", "figure", name, "--data", AFEW2, "--out", tmp_path)
        assert code == 0, err
    assert len(list(tmp_path.glob("figure_?.png"))) == 3


@pytest.mark.skipif(not FER2013.is_file(), reason="fer2013.npz is not here")
def test_the_papers_google_faces(run: Run, tmp_path: Path) -> None:
    code, _, err = run("reproduce", "figure", "2", "--data", FER2013, "--out", tmp_path)
    assert code == 0, err
    assert (tmp_path / "figure_2.png").stat().st_size > 10_000
