"""compare-fusion: tables of predictions, what is wrong with them, and what comes of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import emonets
from command_line import Run, runner
from emonets import EMOTIONS, EmoNets
from emonets.errors import DataError, ParameterError
from emonets.evaluation.fusion_report import compare_predictions, parse_strategies, write_report
from emonets.evaluation.predictions import read_predictions
from emonets.fusion.named import NamedFusion
from emonets.fusion.strategies import STRATEGIES
from fusion_data import predictions
from listening import listening

N = 84
NAMES = ("face", "audio")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


def frame(n: int = N, models: tuple[str, ...] = NAMES, seed: int = 0) -> pd.DataFrame:
    p, y, groups = predictions(n, len(models), seed=seed)
    return pd.DataFrame(
        [
            {
                "clip": f"{i:03d}.mp4", "model": model, **dict(zip(EMOTIONS, p[i, j], strict=True)),
                "label": EMOTIONS[y[i]], "group": f"actor {groups[i]}",
            }
            for i in range(n) for j, model in enumerate(models)
        ]
    )  # fmt: skip


def written(folder: Path, table: pd.DataFrame, name: str = "said.csv") -> Path:
    path = folder / name
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["said.csv", "said.parquet"])
def test_a_table(tmp_path: Path, name: str) -> None:
    table = frame()
    table["found"] = True
    table.loc[3, "found"] = False
    table.loc[3, "angry"] = np.nan
    shuffled = table.sample(frac=1, random_state=0)
    data = read_predictions(written(tmp_path, shuffled, name))
    p, y, groups = predictions(N, 2)
    order = [int(clip[:3]) for clip in data.clips]
    models = [NAMES.index(name) for name in data.models]
    p[1, 1] = 1 / 7
    np.testing.assert_allclose(data.P, p[order][:, models], atol=1e-12)
    assert data.found.sum() == 2 * N - 1
    np.testing.assert_array_equal(data.y, y[order])
    assert data.groups is not None
    assert data.groups[0] == f"actor {groups[order[0]]}"
    assert data.notes == ()


def test_labels_apart_synonyms_and_rounded_numbers(tmp_path: Path) -> None:
    table = frame().round(dict.fromkeys(EMOTIONS, 3))
    truth = table.drop_duplicates("clip")[["clip", "label"]].replace(
        {"happy": "Joy", "neutral": " calm "}
    )
    extra = pd.concat([truth, pd.DataFrame([{"clip": "more.mp4", "label": "sad"}])])
    path = written(tmp_path, table.drop(columns=["label", "group"]))
    data = read_predictions(path, written(tmp_path, extra, "labels.csv"))
    np.testing.assert_array_equal(data.y, predictions(N, 2)[1])
    np.testing.assert_allclose(data.P.sum(axis=2), 1)
    assert data.groups is None
    assert "1 labelled clips have no predictions" in data.notes[0]
    assert "no groups" in data.notes[1]


def changed(what: str, value: Any = None, row: int = 6) -> pd.DataFrame:
    """A table with one thing wrong, of clip 003.mp4 and the model face by default."""
    table = frame()
    if what == "drop":
        return table.drop(columns=value)
    if what == "drop row":
        return table.drop(index=row)
    if what == "twice":
        return pd.concat([table, table.iloc[[row]]])
    if what == "all":
        return table.assign(**value)
    table[what] = table[what].astype(object)
    table.loc[row, what] = value
    return table


WRONG: dict[str, tuple[pd.DataFrame, str]] = {
    "a sum": (changed("angry", 0.9), r"clip '003.mp4', model 'face' sums to 1\.\d+, not to one"),
    "NaN": (changed("fear", np.nan), r"clip '003.mp4', model 'face' has no number \(NaN\) for"),
    "negative": (changed("fear", -0.2), r"clip '003.mp4', model 'face' has negative numbers"),
    "text": (changed("fear", "much"), r"clip '003.mp4', model 'face': fear is 'much', no number"),
    "class missing": (changed("drop", ["fear"]), "has no column fear; it has clip, model, angry"),
    "no labels": (changed("drop", ["label"]), "has no column label"),
    "model missing": (changed("drop row"), "clip '003.mp4' has no row of model 'face'"),
    "twice": (changed("twice"), "clip '003.mp4' has two rows of model 'face'"),
    "unknown label": (
        changed("all", {"label": "bored"}), "clip '000.mp4' has the label 'bored', which is not",
    ),
    "no label": (changed("all", {"label": ""}), "clip '000.mp4' has no label"),
    "two labels": (
        changed("label", "fear", 7), "clip '003.mp4' has two labels, '[a-z]+' and 'fear'",
    ),
    "two groups": (changed("group", "nobody", 7), "clip '003.mp4' has two groups"),
    "no group": (
        frame().assign(group=["", ""] + ["a"] * (2 * N - 2)), "clip '000.mp4' has no group",
    ),
    "one class": (changed("all", {"label": "sad"}), "all 84 clips have the label 'sad'"),
    "one clip": (frame(1), "one clip only"),
    "one model": (frame(models=("face",)), "one model only"),
    "no name": (changed("clip", ""), "has no clip"),
    "found": (changed("all", {"found": "perhaps"}), "found is 'perhaps'"),
    "no row": (frame().iloc[:0], "has no row"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_one_clear_error(run: Run, tmp_path: Path, what: str) -> None:
    table, said = WRONG[what]
    path = written(tmp_path, table)
    with pytest.raises(DataError, match=said) as caught:
        read_predictions(path)
    assert str(path) in str(caught.value)
    code, out, err = run("compare-fusion", path)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {path}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "cannot be read as a table"), (b"\x00\xff\xfe", "cannot be read"), (None, "cannot be")],
)
def test_files_that_are_no_tables(tmp_path: Path, content: bytes | None, said: str) -> None:
    for name in ("said.csv", "said.parquet"):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DataError, match=said) as caught:
            read_predictions(path)
        assert str(path) in str(caught.value)


def test_labels_of_other_clips(tmp_path: Path) -> None:
    path = written(tmp_path, frame().drop(columns="label"))
    labels = frame()[["clip", "label"]].drop_duplicates().iloc[2:]
    with pytest.raises(DataError, match=r"labels.csv: no label for '000.mp4', '001.mp4' \(2 of 84"):
        read_predictions(path, written(tmp_path, labels, "labels.csv"))


def predicted(happy: Path, folder: Path) -> tuple[Path, Path]:
    """What predict writes of a film and a sound file, five times, and labels of them."""
    result = emonets.load().predict(happy, window=0.7)
    one = result.to_pandas()
    tables, truth = [], []
    for i in range(10):
        part = one.assign(file=f"films/{i}.mp4")
        if i % 5 == 4:
            part = part[part["model"].isin(["audio"])]
        if i % 5 == 3:
            part.loc[part["model"] == "face", "face_found"] = False
        tables.append(part)
        truth.append({"clip": f"{i}.mp4", "label": EMOTIONS[i % 3], "group": str(i // 2)})
    labels = written(folder, pd.DataFrame(truth), "labels.csv")
    return written(folder, pd.concat(tables), "results.csv"), labels


def test_what_predict_writes(happy: Path, tmp_path: Path) -> None:
    path, labels = predicted(happy, tmp_path)
    with pytest.raises(DataError, match=r"its labels are predicted.*--labels"):
        read_predictions(path)
    data = read_predictions(path, labels)
    assert data.models == ["face", "audio"]
    assert data.clips[0] == "films/0.mp4"
    assert data.found[:5].tolist() == [[True, True]] * 3 + [[False, True]] * 2
    np.testing.assert_allclose(data.P[[3, 4], 0], 1 / 7)
    clip = emonets.load().predict(happy).clip_rows("audio")[0]
    np.testing.assert_allclose(data.P[4, 1], clip.probabilities, atol=0.02)
    report = compare_predictions(data, strategies=["mean"], resamples=50)
    assert report.folds == 5
    twice = pd.read_csv(path, dtype=str)
    more = twice.assign(file=twice["file"].str.replace("films/", "other/"))
    both = written(tmp_path, pd.concat([twice, more]), "both.csv")
    with pytest.raises(DataError, match=r"'0.mp4' could be 'films/0.mp4' or 'other/0.mp4'"):
        read_predictions(both, labels)


def test_names_of_strategies() -> None:
    assert parse_strategies(None) == list(STRATEGIES)
    assert parse_strategies("search, log,mean,search,uniform, search,bagging, log , mean") == [
        "search, log", "mean", "search, uniform", "search", "bagging, log",
    ]  # fmt: skip
    with pytest.raises(ParameterError, match="there is no strategy 'median'; there are mean, pr"):
        parse_strategies("mean, median")
    with pytest.raises(ParameterError, match="no strategy is named"):
        parse_strategies(" , ")


def test_from_predictions_to_a_bundle_that_fuses_by_them(
    run: Run, happy: Path, tmp_path: Path
) -> None:
    path, out = written(tmp_path, frame(210)), tmp_path / "out"
    code, text, err = run(
        "compare-fusion", path, "--strategies", "mean,product,logistic", "--out", out,
        "--coverage", 0.7, "--save-fusion", tmp_path / "f.safetensors", "--add-to", "modern",
        "--save-bundle", tmp_path / "bundle",
    )  # fmt: skip
    assert code == 0, err
    first = [line.split("  ")[0] for line in text.splitlines()[:6]]
    assert first == ["strategy", "only face", "only audio", "mean", "product", "logistic"]
    assert "Recommended: " in text
    assert re.search(r"probability of 0\.\d+, 7\d% of the clips keep a prediction", text)
    assert len({len(line) for line in text.splitlines()[3:6]}) == 1  # columns are aligned
    made = {p.name for p in out.iterdir()}
    assert made >= {"compare_fusion.md", "compare_fusion.csv"}
    table = pd.read_csv(out / "compare_fusion.csv")
    assert table["strategy"].tolist() == first[1:]
    assert table["accuracy"].between(table["accuracy_low"], table["accuracy_high"]).all()
    for name in made:
        if name.endswith(".png"):
            assert f"({name})" in (out / "compare_fusion.md").read_text()
    model = EmoNets.load(tmp_path / "bundle")
    file = NamedFusion.from_file(tmp_path / "f.safetensors")
    assert model.fusion is not None
    assert model.fusion.strategy == file.strategy in STRATEGIES
    assert model.fusion.models == NAMES
    assert model.fusion.abstainer is not None
    assert model.fusion.abstainer.coverage >= 0.7
    assert model.about["card"]["fusion"]["clips"] == 210
    assert set(model.about["card"]) >= {"audio", "fusion"}
    result = model.predict(happy, abstain=True)
    assert file.strategy in result.about["decision"]


def test_what_does_not_go_together_is_said_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be compared")

    monkeypatch.setattr("emonets.evaluation.fusion_report.compare", never)
    path = written(tmp_path, frame(models=("face", "words")))
    for words, said in (
        (["--add-to", "modern"], "go together"),
        (["--save-bundle", tmp_path / "b"], "go together"),
        (["--strategies", "median"], "there is no strategy"),
        (["--coverage", 0], "coverage must be"),
        (["--save-fusion", tmp_path], "is a folder"),
        (["--out", path], "cannot be written"),
        (["--add-to", "modern", "--save-bundle", tmp_path / "b"], "the bundle modern has face, au"),
    ):
        code, _, err = run("compare-fusion", path, *words)
        assert code == 2, words
        assert said in err
    code, _, err = run("compare-fusion", path, "--add-to", "none", "--save-bundle", tmp_path / "b")
    assert code == 1
    assert "no such bundle" in err


def test_folds_that_cannot_be(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, frame())
    for folds, said in ((13, "12 groups cannot be divided into 13 folds"), (1, "folds must be 2")):
        code, _, err = run("compare-fusion", path, "--folds", folds, "--strategies", "mean")
        assert code in (1, 2)
        assert said in err


def test_one_model_alone_may_be_the_recommended(tmp_path: Path) -> None:
    table = frame()
    table.loc[table["model"] == "audio", list(EMOTIONS)] = np.full(7, 1 / 7)
    data = read_predictions(written(tmp_path, table))
    report = compare_predictions(data, strategies=["search"], resamples=100)
    assert report.recommended == "only face"
    p = np.array([0.4, *[0.1] * 6])
    fused = report.fusion.fuse([{"face": p, "audio": p[::-1]}, {"audio": p[::-1]}, {}])
    np.testing.assert_allclose(fused[0], p)
    np.testing.assert_allclose(
        fused[1], p[::-1]
    )  # of what it does not listen to, better than nothing
    np.testing.assert_allclose(fused[2], 1 / 7)
    assert "Most overfitted" in str(report)


def test_without_matplotlib_there_are_still_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    data = read_predictions(written(tmp_path, frame()))
    report = compare_predictions(data, strategies=["mean"], resamples=50)
    said: list[str] = []
    with listening(said.append):
        files = write_report(report, tmp_path)
    assert [p.suffix for p in files] == [".md", ".csv"]
    assert "emonets[plot]" in said[0]
