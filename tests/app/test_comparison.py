"""Clips side by side, as numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emonets.app.comparison import comparison
from emonets.app.finished import Clip
from emonets.result import FileStatus, PersonSeen, Result, Row
from made_results import failed, film, p_of


def clip_of(key: str, result: Result | None = None, **more: Any) -> Clip:
    given = {"label": None, "batch": None, "state": "done", "edits": None, **more}
    return Clip(id=key, name=f"{key}.mp4", result=result, **given)


def test_numbers_of_clips_and_persons() -> None:
    made = comparison([clip_of("a", film("a.mp4", 20), label="happy"), clip_of("b", film("b", 40))])
    assert made["span"] == [0, 40]
    assert [clip["end"] for clip in made["clips"]] == [20, 40]
    first = made["clips"][0]
    assert (first["given"], first["label"], first["certainty"]) == ("happy", "happy", 0.7)
    one, two = first["persons"]
    assert (one["name"], one["usable"], one["speaks"]) == ("Person 0", 0.9, 1.0)
    assert one["shares"]["happy"] == one["shares"]["sad"] == 0.5
    assert one["probabilities"]["happy"] == pytest.approx((0.7 + 0.05) / 2)
    assert (two["label"], two["shares"]["angry"], two["usable"]) == ("angry", 1.0, 0.25)
    assert two["rows"] == [[0, 5, "angry", False, 0.7], [5, 10, "angry", False, 0.7]]
    json.dumps(made, allow_nan=False)


def test_names_of_edits_are_used_and_merges_are_stated() -> None:
    edits = {"names": {"0": "<b>Ann</b>"}, "people": [{"op": "merge"}], "excluded": []}
    (clip,) = comparison([clip_of("a", film(), edits=edits)])["clips"]
    assert clip["persons"][0]["name"] == "<b>Ann</b>"
    assert clip["edited"]


def test_clips_without_result_are_missing_with_their_reason() -> None:
    made = comparison([
        clip_of("a", failed()), clip_of("b", state="running"),
        clip_of("c", state="failed", message="is no film"),
    ])  # fmt: skip
    assert [one["why"] for one in made["missing"]] == [
        "is empty", "is not done yet", "is no film"
    ]  # fmt: skip
    assert (made["clips"], made["span"]) == ([], [0, 0])


def test_a_clip_without_a_face_has_its_own_ribbon() -> None:
    row = Row("a", None, 0, 2, False, "face+audio", p_of("sad"), True, "window", speech=0.5)
    whole = Row("a", None, 0, 2, False, "face+audio", p_of("sad"), True, "clip", speech=0.5)
    result = Result((row, whole), (FileStatus("a", "no face", "no face was found"),))
    (clip,) = comparison([clip_of("a", result)])["clips"]
    assert clip["no_face"]
    assert clip["persons"] == []
    assert clip["rows"] == [[0, 2, "sad", None, 0.7]]
    assert clip["message"] == "no face was found"


def test_nothing_found_gives_null_and_not_a_made_up_label() -> None:
    row = Row("a", None, 0, 2, False, "face", (1 / 7,) * 7, None, "clip")
    (clip,) = comparison([clip_of("a", Result((row,), (FileStatus("a", "no face"),)))])["clips"]
    assert clip["label"] is clip["certainty"] is None
    assert set(clip["probabilities"].values()) == {None}


def test_a_person_who_was_seen_but_has_no_rows() -> None:
    seen = PersonSeen("a", 3, (3,), [0.0, 0.2], [[0, 0, 1, 1]] * 2, 0.1)
    whole = Row("a", None, 0, 2, True, "face", p_of("sad"), None, "clip")
    result = Result((whole,), (FileStatus("a", "ok"),), {}, (seen,))
    (clip,) = comparison([clip_of("a", result)])["clips"]
    (person,) = clip["persons"]
    assert (person["person"], person["label"], person["rows"]) == (3, None, [])
