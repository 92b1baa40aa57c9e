"""emonets evaluate corpora: one table, and a corpus that fails stops no other."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from command_line import Run, runner


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.fixture
def stills(tmp_path: Path) -> Path:
    """Two pictures of noise for each of two emotions."""
    rng = np.random.default_rng(0)
    for word in ("angry", "happy"):
        (tmp_path / "stills" / word).mkdir(parents=True)
        for k in range(2):
            image = rng.integers(0, 256, (48, 48), np.uint8)
            cv2.imwrite(str(tmp_path / "stills" / word / f"{k}.png"), image)
    return tmp_path / "stills"


def test_a_corpus_that_fails_is_named_and_the_others_are_scored(
    run: Run, stills: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores"
    nowhere = tmp_path / "nowhere"
    code, text, err = run("evaluate", "corpora", "paper", nowhere, stills, "--framed", "--out", out)
    assert code == 1
    lines = text.splitlines()
    assert lines[1].startswith("nowhere")
    assert "there is no such file or folder" in lines[1]
    assert lines[2].split()[:4] == ["stills", "face", "4", "2"]
    assert lines[3].startswith("mean")
    assert "nowhere" in err
    made = json.loads((out / "corpora.json").read_text("utf-8"))
    assert [one["corpus"] for one in made] == ["nowhere", "stills"]
    assert made[0]["among_present"] is None
    assert made[1]["among_present"]["n"] == 4
    assert (out / "corpora.md").read_text("utf-8").count("\n|") == 5


def test_without_a_failure_the_exit_status_is_0(run: Run, stills: Path) -> None:
    code, text, _ = run("evaluate", "corpora", "paper", stills, "--framed")
    assert code == 0
    assert "no score" not in text


def test_noise_without_a_face_has_no_answer_and_is_wrong(run: Run, stills: Path) -> None:
    code, text, _ = run("evaluate", "corpora", "paper", stills)
    assert code == 0
    assert "4 without an answer, counted as wrong" in text
    assert " 0.0% [0.0%, 0.0%]" in text
