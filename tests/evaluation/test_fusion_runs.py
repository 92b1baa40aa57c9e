"""Comparisons in processes, their progress, and what is left of one that was stopped."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from command_line import Run, runner
from emonets import EMOTIONS
from emonets.evaluation import fusion_runs
from emonets.evaluation.compare_fusion import Compared, compare
from emonets.evaluation.fusion_files import write_report
from emonets.evaluation.fusion_progress import ComparisonProgress, expected_seconds
from emonets.evaluation.fusion_report import PARTS, compare_predictions
from emonets.evaluation.predictions import read_predictions
from emonets.fusion.strategies import MAX_CLIPS, STRATEGIES
from emonets.runtime.ending import Stopped
from fusion_data import predictions
from listening import listening

THREE = ("mean", "product", "recall weights")


def test_processes_give_the_same_numbers() -> None:
    p, y, groups = predictions(140, 2)
    options: dict[str, Any] = {"strategies": ["mean", "logistic"], "resamples": 50}
    fits: list[str] = []
    here = compare(p, y, groups, **options)
    there = compare(p, y, groups, workers=2, on_fit=lambda name, _: fits.append(name), **options)
    assert [r.name for r in here] == [r.name for r in there]
    for a, b in zip(here, there, strict=True):
        np.testing.assert_allclose(a.p, b.p, atol=1e-12)
        assert (a.fitted, a.accuracy, a.uar) == (b.fitted, b.accuracy, b.uar)
    assert sorted(fits) == ["logistic"] * 5 + ["mean"] * 5


def test_machines_whose_grid_is_one_are_fitted_together() -> None:
    makers = dict.fromkeys(["mean", "svm", "mlp", "scaled svm"])
    assert fusion_runs._bundles(makers) == [("mean",), ("svm", "scaled svm"), ("mlp",)]  # type: ignore[arg-type]
    assert fusion_runs._bundles(dict.fromkeys(["scaled svm"])) == [("scaled svm",)]  # type: ignore[arg-type]


def test_a_stopped_comparison_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    p, y, groups = predictions(140, 2)
    options: dict[str, Any] = {"strategies": THREE, "resamples": 50, "keep": tmp_path / "kept"}

    def stop(result: Compared) -> None:
        if result.name == "product":
            raise Stopped(signal.SIGINT)

    with pytest.raises(Stopped):
        compare(p, y, groups, progress=stop, **options)
    assert len(list((tmp_path / "kept").iterdir())) == 2
    fitted: list[str] = []
    real = fusion_runs._fit_fold

    def counted(task: Any) -> Any:
        fitted.extend(name for name, _ in task.makers)
        return real(task)

    monkeypatch.setattr(fusion_runs, "_fit_fold", counted)
    again = compare(p, y, groups, **options)
    assert [name for name in fitted if not name.startswith("only")] == ["recall weights"] * 5
    plain = compare(p, y, groups, strategies=THREE, resamples=50)
    for a, b in zip(again, plain, strict=True):
        np.testing.assert_array_equal(a.p, b.p)
        assert (a.name, a.fitted, a.accuracy, a.uar) == (b.name, b.fitted, b.accuracy, b.uar)
    # another seed, other labels and a damaged file are fitted anew
    for change in ({"seed": 1}, {"y": np.roll(y, 1)}, {}):
        fitted.clear()
        for file in (tmp_path / "kept").iterdir():
            file.write_bytes(file.read_bytes()[:-9] if not change else file.read_bytes())
        compare(p, change.pop("y", y), groups, **change, **options)  # type: ignore[arg-type]
        assert len([name for name in fitted if not name.startswith("only")]) == 15


def test_time_left() -> None:
    shown = ComparisonProgress(["mean", "svm"], 2_000, 5, workers=2)
    at_first = shown.seconds
    assert at_first == pytest.approx(5 * (expected_seconds("svm", 2_000) + 0.02) / 2)
    lines: list[str] = []
    with listening(lines.append):
        shown.begin(3, 2_500)
        for _ in range(3):
            shown.on_fit("svm", 3 * expected_seconds("svm", 2_000))  # a slow machine
    assert lines == ["2,500 clips, 3 models, 2 strategies, 5 folds: 10 fits, about 30 s"]
    assert shown.seconds == pytest.approx(3 * 2 * expected_seconds("svm", 2_000) / 2, rel=0.02)
    shown.on_fit("svm", 1.0)
    shown.on_fit("svm", 1.0)
    assert shown.seconds < 1
    for name in STRATEGIES:
        # a part of the clips, or a time that grows with the clips only
        assert expected_seconds(name, 10_000) <= 6 * max(expected_seconds(name, MAX_CLIPS), 0.1)


def table(folder: Path) -> Path:
    p, y, groups = predictions(140, 2)
    path = folder / "predicted.csv"
    pd.DataFrame(
        [
            {"clip": f"{i:03d}.mp4", "model": model, "label": EMOTIONS[y[i]], "group": groups[i],
             **dict(zip(EMOTIONS, p[i, j], strict=True))}
            for i in range(140) for j, model in enumerate(("face", "audio"))
        ]
    ).to_csv(path, index=False)  # fmt: skip
    return path


def test_a_stopped_command_leaves_rows_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run: Run = runner(monkeypatch, capsys)
    path, out = table(tmp_path), tmp_path / "out"
    words = ("compare-fusion", path, "--strategies", ", ".join(THREE), "--workers", 1)
    real = fusion_runs._fit_fold

    def stop(task: Any) -> Any:
        if task.makers[0][0] == "recall weights" and task.fold == 3:
            raise Stopped(signal.SIGTERM)
        return real(task)

    with monkeypatch.context() as patch:
        patch.setattr(fusion_runs, "_fit_fold", stop)
        code, text, err = run(*words)
        assert (code, text) == (143, "")
        assert "ended by SIGTERM; nothing is kept" in err
        code, text, err = run(*words, "--out", out)
    assert (code, text) == (143, "")
    assert f"finished strategies are in {out}; the same command continues" in err
    rows = pd.read_csv(out / "compare_fusion.csv")
    assert rows["strategy"].tolist() == ["only face", "only audio", "mean", "product"]
    assert "2 of 3 strategies are done" in (out / "compare_fusion.md").read_text()
    assert not list(out.rglob("*.part"))
    code, text, err = run(*words, "--out", out)
    assert code == 0
    assert "140 clips, 2 models, 3 strategies, 5 folds: 15 fits, about" in err
    assert "3 of 3 strategies" in err
    assert not (out / PARTS).exists()
    whole = pd.read_csv(out / "compare_fusion.csv")
    assert whole["strategy"].tolist() == ["only face", "only audio", *THREE]
    plain_code, plain, _ = run(*words)
    assert (plain_code, plain) == (0, text)
    code, _, err = run(*words, "--workers", 0)
    assert code == 2
    assert "--workers must be 1 or more" in err


def test_the_report_names_what_many_clips_changed(tmp_path: Path) -> None:
    report = compare_predictions(
        read_predictions(table(tmp_path)), strategies=THREE, folds=2, resamples=20
    )
    assert "Because of many clips" not in str(report)
    note = "all 350 searches share their weightings"
    results = [replace(r, note=note if r.name != "mean" else "") for r in report.results[2:]]
    report = replace(report, results=[*report.results[:2], *results])
    assert f"Because of many clips: product and recall weights: {note}." in str(report)
    write_report(report, tmp_path)
    rows = pd.read_csv(tmp_path / "compare_fusion.csv")
    assert rows["note"].fillna("").tolist() == ["", "", "", note, note]
    assert note in (tmp_path / "compare_fusion.md").read_text()
