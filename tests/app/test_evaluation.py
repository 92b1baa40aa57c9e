"""A labelled folder scored, as numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emonets.app.evaluation import ALL, evaluation
from emonets.app.finished import Clip
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


def clip_of(key: str, label: str | None, result: Result | None = None, **more: Any) -> Clip:
    given = {"batch": "mine", "state": "done", "edits": None, **more}
    return Clip(id=key, name=f"{key}.mp4", label=label, result=result, **given)


def test_scores_of_all_and_of_each_source() -> None:
    made = evaluation([
        clip_of("a", "happy", answered("happy", face="happy", audio="sad")),
        clip_of("b", "Happiness", answered("sad", face="happy")),
        clip_of("c", "sad", answered("sad", face="sad", audio="sad")),
        clip_of("d", "anger", answered("angry", face="happy", audio="angry")),
    ])  # fmt: skip
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
    silent = Row("g", None, 0, 2, False, "face", (1 / 7,) * 7, False, "clip")
    empty = Result((silent,), (FileStatus("g", "no face", "no face was found"),))
    made = evaluation([
        clip_of("a", "happy", answered("happy")), clip_of("b", None, answered("sad")),
        clip_of("c", "contempt", answered("sad")), clip_of("d", "sad", state="running"),
        clip_of("e", "sad", state="failed", message="is no film"), clip_of("f", "sad", failed()),
        clip_of("g", "sad", empty), clip_of("h", "sad", state="cancelled"),
    ])  # fmt: skip
    assert {one["id"]: one["why"] for one in made["missing"]} == {
        "b": "has no label", "c": "its label 'contempt' is no emotion", "d": "is not done yet",
        "e": "is no film", "f": "is empty", "g": "no face was found", "h": "is cancelled",
    }  # fmt: skip
    (score,) = made["sources"]
    assert (score["n"], score["accuracy"]["value"]) == (1, 1.0)
    assert score["accuracy_of_all"] == pytest.approx(1 / 6)  # six have a label that counts
    assert made["unfinished"] == 1


def test_nothing_to_score() -> None:
    made = evaluation([clip_of("a", None)])
    assert (made["sources"], made["scored"]) == ([], 0)
    assert evaluation([])["n"] == 0


def test_a_single_source_is_not_listed_twice() -> None:
    row = Row("a", None, 0, 2, True, "face", p_of("sad"), None, "clip")
    made = evaluation([clip_of("a", "sad", Result((row,), (FileStatus("a", "ok"),)))])
    assert [one["source"] for one in made["sources"]] == [ALL]


def test_clips_that_the_model_was_trained_on_are_named(tmp_path: Path) -> None:
    known, new = tmp_path / "known", tmp_path / "new"
    known.write_bytes(b"a film")
    new.write_bytes(b"another film")
    content = int(content_digest(known)[:16], 16)
    corpora = (Corpus("mine", content=np.array([content], np.uint64)), Corpus("old"))
    provenance = Provenance({"face": corpora, "mouth": (Corpus("not used"),)})
    sad = answered("sad", face="sad")
    clips = [clip_of("a", "sad", sad, upload=known), clip_of("b", "sad", sad, upload=new)]
    trained = evaluation(clips, provenance=provenance)["trained_on"]
    assert (trained["checked"], trained["clips"]) == (2, ["a"])
    assert trained["unchecked"] == ["old"]
    assert list(trained["corpora"]) == ["face"]
    assert evaluation(clips)["trained_on"]["checked"] == 0
    only_names = Provenance({"face": (Corpus("old"),)})
    trained = evaluation(clips, provenance=only_names)["trained_on"]
    assert (trained["checked"], trained["unchecked"]) == (0, ["old"])
