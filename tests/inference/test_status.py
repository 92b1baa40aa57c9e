"""The sentence of a clip in which something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from emonets.inference.rows import clip_status
from emonets.media.clip import Clip, ClipInfo, Limits
from emonets.result import Row
from made_results import p_of

CLIP = Clip(ClipInfo(Path("a.mp4"), True, True, 8, 8, 25.0, 1.0), limits=Limits())


def row(model: str, **found: bool) -> Row:
    return Row(
        "a.mp4", None, 0.0, 1.0, found.get("face"), model, p_of("sad"), found.get("sound"),
        motion_found=found.get("motion"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "status", "sentence"),
    [
        (
            [row("face", face=False), row("audio", sound=True)],
            "no face",
            "no face was found in any frame: the answer rests on audio",
        ),
        (
            [row("face", face=True), row("audio", sound=False)],
            "ok",
            "the sound is silent: the answer rests on face",
        ),
        (
            [row("face", face=False), row("audio", sound=False)],
            "no face",
            "no face was found in any frame: all probabilities are 1/7; "
            "the sound is silent: all probabilities are 1/7",
        ),
        ([row("face", face=True), row("audio", sound=True)], "ok", ""),
    ],
)
def test_what_the_answer_rests_on(rows: list[Row], status: str, sentence: str) -> None:
    made = clip_status("a.mp4", CLIP, rows)
    assert (made.status, made.message) == (status, sentence)


def test_a_reason_of_the_specialist() -> None:
    rows = [row("face", face=True), row("audio", sound=False)]
    made = clip_status("a.mp4", CLIP, rows, {"audio": "no speech was found"})
    assert made.message == "no speech was found; the answer rests on face"
