"""The pages of results are those of the rows in docs/results."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
if not (ROOT / "docs" / "results").is_dir() or not (ROOT / "tools").is_dir():
    pytest.skip("not in a checkout", allow_module_level=True)


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """tools/results_pages.py."""
    spec = importlib.util.spec_from_file_location(
        "results_pages", ROOT / "tools" / "results_pages.py"
    )
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def test_pages_and_charts_are_of_these_rows(pages: ModuleType) -> None:
    assert pages.wrong() == [], "run: python tools/results_pages.py"


def test_a_changed_number_is_found(pages: ModuleType, tmp_path: Path, monkeypatch) -> None:
    entry = {"file": "made", "find": ["a", "b", "", "uar"]}
    from emonets.evaluation.records import Evidence, write_results

    row = Evidence(what="a", data="b", metric="uar", value=0.5, command="c", n=7, low=0.4, high=0.6)
    write_results("made", [row], tmp_path)
    monkeypatch.setattr(pages, "RESULTS", tmp_path)
    assert pages.number(entry).text() == "50.0 % [40.0, 60.0]"
    chart = {"name": "x", "title": "t", "axis": "a", "points": [{"label": "l", **entry}]}
    before = pages.digest(chart)
    write_results("made", [{**row.to_dict(), "value": 0.51}], tmp_path)
    assert pages.digest(chart) != before
    with pytest.raises(KeyError, match="made: no row"):
        pages.find("made", ["a", "b", "", "accuracy"])


def test_the_interval_of_a_mean_adds_the_variances(pages: ModuleType) -> None:
    shown = pages.number(
        {
            "file": "strangers",
            "mean": [
                ["modern, face", "ckplus48", "all, framed; classes present", "uar"],
                ["modern, face", "ckplus_web", "all; classes present", "uar"],
                ["modern, face", "ethiopian", "all; classes present", "uar"],
            ],
        }
    )
    kept = pages.find(
        "strangers",
        ["modern, face", "mean of faces", "corpora not trained on; classes present", "uar"],
    )
    assert shown.value == pytest.approx(kept.value, abs=1e-4)
    assert shown.low == pytest.approx(kept.low, abs=0.002)
    assert shown.high == pytest.approx(kept.high, abs=0.002)


def test_replaced_networks_are_marked(pages: ModuleType) -> None:
    text = (ROOT / "docs" / "results" / "how_good_on_my_people.md").read_text("utf-8")
    assert re.search(r"all specialists, fused \| earlier \|", text)


def test_tables_are_short() -> None:
    for path in (ROOT / "docs" / "results").glob("how_*.md"):
        rows = [line for line in path.read_text("utf-8").splitlines() if line.startswith("| ")]
        assert 4 <= len(rows) <= 10, path.name  # with the two lines of the head
