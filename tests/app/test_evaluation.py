"""A labelled folder scored, as numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from emonets.app.evaluation import ALL, evaluation
from emonets.evaluation.metrics import uar
from emonets.provenance.corpus import Corpus, Provenance
from emonets.result import FileStatus, Result, Row
from emonets.runtime.store import content_digest
from made_results import failed, p_of


def answered(label: str, **single: str) -> Result:
    """A clip with an answer of all, and of single specialists."""
    rows = [
        Row("a", None, 0, 2, True, model, p_of(own), True, "clip")
        for model, own in {**single, "face+audio": label}.items()
    ]
    return Result(tuple(rows), (FileStatus("a", "ok"),))


def job(key: str, label: str | None, **more: object) -> dict[str, object]:
    return {"id": key, "name": f"{key}.mp4", "label": label, "state": "done", "page": None, **more}


def test_scores_of_all_and_of_each_source() -> None:
    jobs = [job("a", "happy"), job("b", "Happiness"), job("c", "sad"), job("d", "anger")]
    results = {
        "a": answered("happy", face="happy", audio="sad"),
        "b": answered("sad", face="happy"),
        "c": answered("sad", face="sad", audio="sad"),
        "d": answered("angry", face="happy", audio="angry"),
    }
    made = evaluation(jobs, results, batch="mine")
    assert (made["n"], made["scored"], made["missing"]) == (4, 4, [])
    assert [one["source"] for one in made["sources"]] == [ALL, "face", "audio"]
    score = made["sources"][0]
    assert score["accuracy"]["value"] == 0.75
    assert score["accuracy"]["low"] == pytest.approx(0.3006, abs=1e-3)  # Wilson, 3 of 4
    assert score["accuracy"]["high"] == pytest.approx(0.9544, abs=1e-3)
    assert score["uar"]["value"] == pytest.approx(uar([3, 3, 4, 0], [3, 4, 4, 0]))
    assert score["classes"]["happy"]["recall"]["value"] == 0.5
    assert score["classes"]["fear"] == {"n": 0, "recall": None}
    assert score["confusion"][3][4] == 1
    assert [one["n"] for one in made["sources"]] == [4, 4, 3]
    assert [one["id"] for one in made["clips"] if not one["right"]] == ["b"]
    json.dumps(made, allow_nan=False)


def test_missing_clips_are_named_with_their_reason_and_are_not_scored() -> None:
    jobs = [
        job("a", "happy"), job("b", None), job("c", "contempt"), job("d", "sad", state="running"),
        job("e", "sad", state="failed", message="is no film"), job("f", "sad"), job("g", "sad"),
        job("h", "sad", state="cancelled"),
    ]  # fmt: skip
    silent = Row("g", None, 0, 2, False, "face", (1 / 7,) * 7, False, "clip")
    results = {
        "a": answered("happy"), "b": answered("sad"), "c": answered("sad"), "f": failed(),
        "g": Result((silent,), (FileStatus("g", "no face", "no face was found"),)),
    }  # fmt: skip
    made = evaluation(jobs, results)
    assert {one["id"]: one["why"] for one in made["missing"]} == {
        "b": "has no label", "c": "its label 'contempt' is no emotion", "d": "is not done yet",
        "e": "is no film", "f": "is empty", "g": "no face was found", "h": "is cancelled",
    }  # fmt: skip
    (score,) = made["sources"]
    assert (score["n"], score["accuracy"]["value"]) == (1, 1.0)
    assert score["accuracy_of_all"] == pytest.approx(1 / 6)  # six have a label that counts
    assert made["unfinished"] == 1


def test_nothing_to_score() -> None:
    made = evaluation([job("a", None)], {})
    assert (made["sources"], made["scored"]) == ([], 0)
    assert evaluation([], {})["n"] == 0


def test_a_single_source_is_not_listed_twice() -> None:
    row = Row("a", None, 0, 2, True, "face", p_of("sad"), None, "clip")
    made = evaluation([job("a", "sad")], {"a": Result((row,), (FileStatus("a", "ok"),))})
    assert [one["source"] for one in made["sources"]] == [ALL]


def test_clips_that_the_model_was_trained_on_are_named(tmp_path: Path) -> None:
    known, new = tmp_path / "known", tmp_path / "new"
    known.write_bytes(b"a film")
    new.write_bytes(b"another film")
    content = int(content_digest(known)[:16], 16)
    corpora = (Corpus("mine", content=np.array([content], np.uint64)), Corpus("old"))
    provenance = Provenance({"face": corpora, "mouth": (Corpus("not used"),)})
    made = evaluation(
        [job("a", "sad"), job("b", "sad")],
        {"a": answered("sad", face="sad"), "b": answered("sad", face="sad")},
        provenance=provenance, uploads={"a": known, "b": new},
    )  # fmt: skip
    trained = made["trained_on"]
    assert (trained["checked"], trained["clips"]) == (2, ["a"])
    assert trained["unchecked"] == ["old"]
    assert list(trained["corpora"]) == ["face"]
    assert evaluation([job("a", "sad")], {"a": answered("sad")})["trained_on"]["checked"] == 0
