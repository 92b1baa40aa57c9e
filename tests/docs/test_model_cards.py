"""Model cards: a head that model hubs read, numbers that were measured, files that ship."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from emonets.evaluation.records import Evidence, read_results

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[2]
CARDS = sorted((ROOT / "docs" / "models").glob("*.md"))
if not CARDS:
    pytest.skip("not in a checkout", allow_module_level=True)
RESULTS, WEIGHTS = ROOT / "docs" / "results", ROOT / "src" / "emonets" / "weights"
BUNDLES = ("modern", "open", "paper")
SECTIONS = (
    "What it is", "Intended use", "Not for", "Training data and terms", "Scores on strangers",
    "Calibration", "Groups", "Limits", "How it was made", "Files",
)  # fmt: skip


def shown(row: Evidence) -> str:
    """A score with its interval, as cards write it."""
    assert row.low is not None
    assert row.high is not None
    return f"{100 * row.value:.1f} % [{100 * row.low:.1f}, {100 * row.high:.1f}]"


@pytest.fixture(scope="module")
def measured() -> set[str]:
    """Every measured score with an interval."""
    rows = [row for path in RESULTS.glob("*.json") for row in read_results(path.stem, RESULTS)]
    return {shown(row) for row in rows if row.is_score and row.low is not None}


def head(path: Path) -> dict[str, Any]:
    """The metadata of a card."""
    text = path.read_text("utf-8")
    assert text.startswith("---\n"), path.name
    return yaml.safe_load(text.split("---\n")[1])


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_head(path: Path) -> None:
    made = head(path)
    for key in ("license", "library_name", "pipeline_tag", "tags", "datasets", "metrics"):
        assert made[key], key
    if made["license"] == "other":
        assert (path.parent / made["license_link"]).resolve().is_file()
    assert len(path.read_text("utf-8").splitlines()) <= 120


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_results_of_the_head_are_measured(path: Path) -> None:
    entries = [one for model in head(path).get("model-index", []) for one in model["results"]]
    assert entries or path.stem == "face_recognition"
    for entry in entries:
        file = (path.parent / entry["source"]["url"]).resolve()
        assert file.parent == RESULTS
        key = tuple(part.strip() for part in entry["source"]["name"].split(" | "))
        row = next(row for row in read_results(file.stem, RESULTS) if row.key == key)
        (metric,) = entry["metrics"]
        assert metric["type"] == row.metric
        assert metric["value"] == round(100 * row.value, 1)


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_scores_are_measured(path: Path, measured: set[str]) -> None:
    text = path.read_text("utf-8")
    for score in re.findall(r"\d+\.\d % \[\d+\.\d, \d+\.\d\]", text):
        assert score in measured, score


@pytest.mark.parametrize("name", BUNDLES)
def test_sections_and_calibration(name: str) -> None:
    text = (ROOT / "docs" / "models" / f"{name}.md").read_text("utf-8")
    assert tuple(re.findall(r"^## (.*)$", text, re.MULTILINE)) == SECTIONS
    split = "corpora not trained on; classes present"
    rows = {row.key: row for row in read_results("strangers", RESULTS)}
    for model, data in (("face", "mean of faces"), ("audio", "mean of speech")):
        row = rows[f"{name}, {model}", data, split, "calibration_error"]
        assert f"{100 * row.value:.1f}" in text.split("## Calibration")[1].split("## ")[0]


@pytest.mark.parametrize("name", BUNDLES)
def test_files_are_those_that_ship(name: str) -> None:
    text = (ROOT / "docs" / "models" / f"{name}.md").read_text("utf-8")
    listed = {
        file: (int(size.replace(",", "")), digest)
        for file, size, digest in re.findall(r"\| `([^`]+)` \| ([\d,]+) \| `(\w{64})` \|", text)
    }
    there = {
        path.relative_to(WEIGHTS).as_posix(): (
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in (WEIGHTS / name).iterdir()
    }
    assert listed == there


def test_counts_are_those_of_the_bundles() -> None:
    for name, keys in (
        ("modern", (("faces",), ("audio", "recordings"), ("activity", "films"))),
        ("open", (("faces",),)),
        ("paper", (("faces",), ("audio", "recordings"), ("audio", "speakers"), ("epochs",))),
    ):
        text = (ROOT / "docs" / "models" / f"{name}.md").read_text("utf-8")
        value: Any
        for key in keys:
            value = json.loads((WEIGHTS / name / "bundle.json").read_text("utf-8"))["card"]
            for part in key:
                value = value[part]
            assert f"{value:,}" in text, (name, key)
