"""The paper's submissions on stored answers: readers, protocols, what is left out, the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from command_line import Run, runner
from emonets import EMOTIONS
from emonets.errors import DataError
from emonets.evaluation.records import read_results
from emonets.fusion.common import FusionDataError
from emonets.fusion.nested_folds import NestedPredictions, nested_predictions
from emonets.reproduction import recipes as submissions
from emonets.reproduction.recipes import AUDIO, FACE, MOUTH, PAIR, find_submission
from emonets.reproduction.stored_models import NotStoredError, StoredModels
from emonets.reproduction.submission_data import SubmissionData, read_submission_data
from emonets.reproduction.submissions import rerun
from fusion_data import predictions

N, F = 84, 4
P, Y, ACTORS = predictions(N, 2)
FOLD = ACTORS % F
GROUPS = ACTORS.astype(str)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid of few points for the machines."""
    monkeypatch.setitem(submissions._GRID, "exponents", (0.0,))
    monkeypatch.setitem(submissions._GRID, "cv", 2)


def model(j: int) -> Any:
    """Says the more of the truth the more folds it was trained on, and all of what it met."""

    def call(train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.float64]:
        p = P[test, j] + 0.05 * len(np.unique(FOLD[train])) * np.eye(7)[Y[test]]
        p[np.isin(test, train)] += np.eye(7)[Y[test[np.isin(test, train)]]]
        return np.asarray(p / p.sum(axis=1, keepdims=True))

    return call


MODELS = {FACE: model(0), AUDIO: model(1)}


def nested() -> NestedPredictions:
    return nested_predictions(MODELS, FOLD, GROUPS)


def seen() -> NDArray[np.float64]:
    out = np.full((F, F, N, 2, 7), np.nan)
    for f, g in np.ndindex(F, F):
        train = np.flatnonzero(~np.isin(FOLD, [f, g]))
        out[f, g, train] = np.stack([m(train, train) for m in MODELS.values()], axis=1)
    return out


def write_npz(path: Path, **changes: Any) -> Path:
    made = nested()
    content = {
        "clip": np.array([f"{i:03d}.mp4" for i in range(N)]), "label": Y, "actor": GROUPS,
        "fold": FOLD, "models": np.array([FACE, AUDIO]), "outer": made.outer, "inner": made.inner,
        **changes,
    }  # fmt: skip
    np.savez(path, **{k: v for k, v in content.items() if v is not None})
    return path


def test_stored_models_are_those_of_the_models() -> None:
    stored = StoredModels.from_nested([FACE, AUDIO], nested(), seen()).models()
    for left in ([0], [1, 3]):
        train, test = (np.flatnonzero(np.isin(FOLD, left) == out) for out in (False, True))
        for name, one in MODELS.items():
            np.testing.assert_allclose(stored[name](train, test), one(train, test))
            np.testing.assert_allclose(stored[name](train, train), one(train, train))
    with pytest.raises(NotStoredError, match="training on a part of a fold"):
        stored[FACE](train[1:], test)
    with pytest.raises(NotStoredError, match="no predictions of face, trained on 0, are stored"):
        stored[FACE](np.flatnonzero(FOLD == 0), np.flatnonzero(FOLD == 1))
    plain = StoredModels.from_nested([FACE, AUDIO], nested()).models()
    np.testing.assert_allclose(plain[FACE](train, test), MODELS[FACE](train, test))
    with pytest.raises(NotStoredError, match="for the same clips"):
        plain[FACE](train, train)
    with pytest.raises(FusionDataError, match="seen must be"):
        StoredModels.from_nested([FACE, AUDIO], nested(), seen()[0])


@pytest.mark.parametrize("name", ["2013-1", "2013-2", "2013-3", "2014-3", "2014-4", "2014-6"])
def test_stored_or_callable_the_outcome_is_the_same(tmp_path: Path, name: str) -> None:
    path = write_npz(tmp_path / "said.npz", seen=seen())
    stored = read_submission_data([path])
    called = SubmissionData.of_folds("said", MODELS, Y, FOLD, GROUPS)
    recipe = find_submission(name)
    a, b = rerun(stored, recipe), rerun(called, recipe)
    assert a.scores
    assert b.scores
    assert a.why_not == b.why_not == ""
    assert {k: s.value for k, s in a.scores.items()} == pytest.approx(
        {k: s.value for k, s in b.scores.items()}
    )
    assert a.scores["test"].low <= a.scores["test"].value <= a.scores["test"].high
    assert a.n == {"train": 42, "valid": 21, "test": N}
    if name == "2013-3":  # they had met these clips
        assert a.scores["train"].value > a.scores["test"].value


def test_every_fold_is_tested_once_by_what_had_not_met_it() -> None:
    data = SubmissionData.of_folds("d", MODELS, Y, FOLD, GROUPS)
    assert sorted(np.concatenate([s.test for s in data.splits])) == list(range(N))
    for split in data.splits:
        parts = [set(FOLD[rows]) for rows in (split.train, split.valid, split.test)]
        assert [len(part) for part in parts] == [2, 1, 1]
        assert len(set.union(*parts)) == F
        views = data.protocols["swapped"](data.models, split, GROUPS)
        assert set(views.fit_rows) == set(split.both)
    assert "3 folds predicted by models of the others" in data.readings["swapped"]


def test_what_is_not_stored_is_left_out_and_said(tmp_path: Path) -> None:
    data = read_submission_data([write_npz(tmp_path / "said.npz")])
    by_heart = rerun(data, find_submission("2013-2"))
    assert by_heart.scores is None
    assert "trained on 2 and 3, are stored for the same clips" in by_heart.why_not
    search = rerun(data, find_submission("2014-8"))  # face and the pair, which cannot be made
    assert search.models == (FACE,)
    assert set(search.missing) == {"activity", MOUTH, PAIR}
    assert search.scores
    assert set(search.scores) == {"valid", "test"}
    only = {MOUTH: MODELS[FACE]}
    none = rerun(SubmissionData.of_folds("d", only, Y, FOLD), find_submission("2013-1"))
    assert "requires face; the data have mouth" in none.why_not


def table() -> pd.DataFrame:
    """Answers after a training on train, and on train and valid."""
    part = np.array(["train", "valid", "test", "train"])[FOLD]
    rows = []
    for on, asked in (("train", ("train", "valid", "test")), ("train+valid", ("test",))):
        train = np.flatnonzero(np.isin(part, on.split("+")))
        for name, one in MODELS.items():
            p = one(train, np.arange(N))
            rows += [
                {
                    "clip": f"{i:03d}", "label": EMOTIONS[Y[i]], "group": GROUPS[i],
                    "fold": part[i], "model": name, "trained_on": on,
                    **dict(zip(EMOTIONS, p[i], strict=True)),
                }
                for i in range(N) if part[i] in asked
            ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("name", ["said.csv", "said.parquet"])
def test_a_table_of_a_challenges_parts(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    rows = table().sample(frac=1, random_state=0)
    rows.to_csv(path, index=False) if name.endswith("csv") else rows.to_parquet(path)
    data = read_submission_data([path])
    part = np.array(["train", "valid", "test", "train"])[FOLD]
    called = SubmissionData.of_folds("said", MODELS, Y, part, GROUPS)
    for recipe in ("2013-1", "2013-2", "2014-6"):
        a, b = rerun(data, find_submission(recipe)), rerun(called, find_submission(recipe))
        assert not a.why_not
        assert a.scores
        assert b.scores
        if recipe == "2014-6":  # the machine on both would have to speak after train+valid
            assert PAIR in a.missing
            assert PAIR in b.models
        else:
            assert a.scores["test"].value == pytest.approx(b.scores["test"].value)
    assert "trained on valid" in rerun(data, find_submission("2014-4")).why_not


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no labels": ({"label": None}, "has no array label; it has clip"),
    "bored": ({"label": np.full(N, "bored")}, "clip '000' has the label 'bored'"),
    "twice": ({"clip": np.full(N, "a")}, "84 clips, 1 of them different"),
    "folds": ({"fold": FOLD + 0.5}, "fold must be whole numbers"),
    "two folds": (
        {"fold": FOLD % 2, "inner": np.ones((2, N, 2, 7)) / 7}, "three folds at least",
    ),
    "other shapes": ({"outer": np.ones((N, 3, 7)) / 7}, r"expected \(84, 2, 7\)"),
    "inner": ({"inner": np.ones((3, N, 2, 7)) / 7}, "inner predictions must be"),
    "groups": ({"actor": GROUPS[1:]}, r"group has shape \(83,\)"),
    "no numbers": ({"outer": np.full((N, 2, 7), 0.3)}, r"clip '0\d\d', model 'face' sums to 2.1"),
    "half a row": (
        {"outer": np.where(np.arange(7) < 3, np.nan, nested().outer)},
        r"clip '0\d\d', model 'face' has no number \(NaN\) for angry, disgust, fear",
    ),
    "a nose": ({"models": np.array(["face", "nose"])}, "no recipe has a model 'nose'; known"),
    "pickle": ({"models": np.array([{}, []], dtype=object)}, "not a readable npz file"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_one_clear_error(run: Run, tmp_path: Path, what: str) -> None:
    changes, said = WRONG[what]
    path = write_npz(tmp_path / "said.npz", **changes)
    with pytest.raises(DataError, match=said) as caught:
        read_submission_data([path])
    assert "said" in str(caught.value)
    code, out, err = run("reproduce", "submissions", "--data", path)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("trained_on", "nothing", "trained on 'nothing', but the folds are"),
        ("fold", "else", "clip '001' has no fold, or two"),
        ("label", "", "clip '001' has no label, or two"),
        ("angry", 3.0, "clip '001', model 'face' sums to"),
        ("clip", "000", "two rows"),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, column: str, value: object, said: str) -> None:
    rows = table()
    rows = rows[rows["clip"].isin(["000", "001", "002", "003"])].reset_index(drop=True)
    if column == "clip":
        rows = pd.concat([rows, rows.iloc[[0]]])
    else:
        rows.loc[list(rows["clip"]).index("001"), column] = value
    rows.to_csv(tmp_path / "said.csv", index=False)
    with pytest.raises(DataError, match=said):
        read_submission_data([tmp_path / "said.csv"])
    rows.drop(columns="trained_on").to_csv(tmp_path / "said.csv", index=False)
    with pytest.raises(DataError, match="has no column trained_on"):
        read_submission_data([tmp_path / "said.csv"])


def test_files_of_one_model_each(tmp_path: Path) -> None:
    made = nested()
    one = {"models": None, "outer": None}
    face = write_npz(
        tmp_path / "face.npz", **one, proba=made.outer[:, 0], inner=made.inner[:, :, 0]
    )
    mine = write_npz(
        tmp_path / "mine.npz", **one, proba=made.outer[:, 1], inner=made.inner[:, :, 1]
    )
    data = read_submission_data([face, f"audio={mine}"], "both")
    whole = read_submission_data([write_npz(tmp_path / "said.npz")])
    a, b = (rerun(d, find_submission("2013-3")).scores for d in (data, whole))
    assert a
    assert b
    assert a["test"].value == b["test"].value
    assert (data.name, data.group) == ("both", "group")
    with pytest.raises(DataError, match="two models have the name 'face'"):
        read_submission_data([face, f"face={mine}"])
    other = write_npz(
        tmp_path / "other.npz", **one, proba=made.outer[:, 1], inner=made.inner[:, :, 1],
        label=(Y + 1) % 7,
    )  # fmt: skip
    with pytest.raises(DataError, match=r"other.npz: has other clips or labels than .*face"):
        read_submission_data([face, f"audio={other}"])
    with pytest.raises(DataError, match=r"gone.npz: no such file"):
        read_submission_data([tmp_path / "gone.npz"])
    with pytest.raises(DataError, match="not the authors' stored files of AFEW2"):
        read_submission_data([tmp_path])


def test_on_the_command_line(run: Run, tmp_path: Path) -> None:
    path = write_npz(tmp_path / "said.npz")
    words = ("reproduce", "submissions", "--data", path, "--name", "made up")
    code, out, err = run(
        *words, "--recipes", "2013-1, 2013-2,2014-4", "--out", tmp_path / "out",
        "--json", tmp_path / "all.json", "--results", tmp_path / "results" / "submissions",
    )  # fmt: skip
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "made up; accuracy in per cent"
    assert lines[3].split()[-6:-2] == ["-", "45.79", lines[3].split()[-4], "38.13"]
    assert "2013-2 was left out: no predictions of face" in out
    content = json.loads((tmp_path / "all.json").read_text())
    assert [row["submission"] for row in content["rows"]] == ["2013-1", "2013-2", "2014-4"]
    assert content["rows"][0]["paper"]["test"] == pytest.approx(0.3558)
    rows = read_results("submissions", tmp_path / "results")
    assert {(row.split, row.metric) for row in rows} == {
        ("validation, 4 folds in turn", "accuracy"), ("test, 4 folds in turn", "accuracy"),
    }  # fmt: skip
    tested = next(row for row in rows if row.split.startswith("test"))
    assert (tested.group, tested.n, tested.low is not None) == ("group", N, True)
    assert "the paper, on AFEW2: 35.58 %" in tested.note
    assert "| 2013-1 | face | on valid |" in (tmp_path / "out" / "submissions.md").read_text()
    assert len(pd.read_csv(tmp_path / "out" / "submissions.csv")) == 3
    code, _, err = run(*words, "--recipes", "2015-1")
    assert code == 2
    assert "no submission has the name '2015-1'; known: 2013-1" in err
    code, _, err = run(*words, "--recipes", "2013-2", "--results", tmp_path / "x" / "submissions")
    assert code == 1
    assert "no recipe could be run" in err


def test_afew2(run: Run, shared: Path, tmp_path: Path) -> None:
    """What the authors left: submission 1 and the mean, to the last digit."""
    folder = shared / "reference" / "afew2"
    if not folder.is_dir():
        pytest.skip("the authors' files are not here")
    code, out, _ = run(
        "reproduce", "submissions", "--data", folder, "--recipes", "2013-1,2013-3,2014-9",
        "--json", tmp_path / "all.json",
    )  # fmt: skip
    assert code == 0
    first, mean, swapped = json.loads((tmp_path / "all.json").read_text())["rows"]
    for part, percent in (("train", 45.79), ("valid", 38.13)):
        assert round(100 * first["accuracy"][part]["value"], 2) == percent
    assert round(100 * mean["accuracy"]["valid"]["value"], 2) == 39.90  # section 4.1
    assert mean["missing"] == ["activity", "mouth", "face 2"]
    assert "test" not in first["accuracy"]
    assert "trained on valid" in swapped["why_not"]
    assert "no predictions for the test clips" in out


def test_a_fold_may_be_one_person() -> None:
    """With one group a fold, the validation part is of one group; a fusion still chooses."""
    data = SubmissionData.of_folds("d", MODELS, Y, FOLD, FOLD.astype(str), group="actor")
    done = rerun(data, find_submission("2014-6"))
    assert done.why_not == ""
    assert done.scores is not None
    assert set(done.scores) >= {"valid", "test"}
