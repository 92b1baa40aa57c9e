"""A process that was taken over may send anything: what is not expected is refused."""

from __future__ import annotations

import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from emonets.contained import Allowance
from emonets.contained.channel import BadMessage, Channel
from emonets.contained.checks import checked_film, checked_result
from emonets.contained.replies import Replies
from emonets.errors import ParameterError
from emonets.inference.unfused import KEY
from emonets.report.film import NO_FILM
from emonets.result import FileStatus, PersonSeen, Result, Row

ROW = Row("a.mp4", 0, 0.0, 1.0, True, "face", (1 / 7,) * 7, person=0, box=(1.0, 2.0, 3.0, 4.0))
PERSON = PersonSeen("a.mp4", 0, (0,), np.zeros(2), np.ones((2, 4)), 0.5, b"\xff\xd8\xff")
RESULT = Result((ROW,), (FileStatus("a.mp4", "ok"),), {"bundle": "b"}, (PERSON,))


def content(**changes):
    made = json.loads(RESULT.to_json())
    return {**made, **changes}


def encoded(made):
    return json.dumps(made).encode()


def test_a_result_passes_under_its_new_name():
    made = checked_result(encoded(content()), "a.mp4", "<b>.mp4")
    assert made.rows == (replace(ROW, file="<b>.mp4"),)
    assert made.files == (FileStatus("<b>.mp4", "ok"),)
    assert made.persons == (replace(PERSON, file="<b>.mp4"),)
    assert made.about == {"bundle": "b"}


def row(**changes):
    return content(rows=[{**content()["rows"][0], **changes}])


def person(**changes):
    return content(persons=[{**content()["persons"][0], **changes}])


SHEET = {
    "source": "face", "times": [0.0], "width": 8, "height": 8, "columns": 1, "sheet": "/9j/",
}  # fmt: skip


def test_pictures_that_were_given_pass():
    made = checked_result(encoded(person(inputs=[SHEET])), "a.mp4", "b.mp4")
    assert made.persons[0].inputs[0].sheet == b"\xff\xd8\xff"


@pytest.mark.parametrize(
    "made",
    [
        [],
        content(schema="other"),
        content(files=[]),
        content(files=[{"file": "b.mp4", "status": "ok", "message": ""}]),
        content(files=[{"file": "a.mp4", "status": "fine", "message": ""}]),
        content(files=[{"file": "a.mp4", "status": "ok", "message": "x" * 30_000}]),
        content(files=[{"file": "a.mp4", "status": "ok", "message": 1}]),
        content(about=[]),
        content(about={"x": float("nan")}),
        content(about={KEY: {"shown": [5], "spans": [], "whole": [], "baseline": []}}),
        content(about={KEY: {"other": 1}}),
        row(file="b.mp4"),
        row(file=[]),
        row(start=10**400),
        row(level={}),
        content(files=[{"file": [], "status": "ok", "message": ""}]),
        content(files=[{"file": "a.mp4", "status": {}, "message": ""}]),
        content(rows=5),
        content(persons=[None]),
        person(times=[[[]]]),
        person(boxes="x"),
        person(embedding=["a"]),
        row(start="0"),
        row(start=float("inf")),
        row(angry=float("nan")),
        row(angry=7.0),
        row(angry=None),
        row(model={"a": 1}),
        row(level="all"),
        row(track=-1),
        row(person=True),
        row(x=float("nan")),
        row(usable=[]),
        row(face_found=2),
        person(picture="PHNjcmlwdD4="),
        person(times=[1.0]),
        person(boxes=[[1, 2, 3, float("nan")], [1, 2, 3, 4]]),
        person(tracks=["a"]),
        person(usable=2.0),
        person(inputs=[{**SHEET, "width": "9px;"}]),
        person(inputs=[{**SHEET, "columns": 0}]),
        person(inputs=[{**SHEET, "source": 1}]),
        person(inputs=[{**SHEET, "times": [float("nan")]}]),
        person(inputs=[{**SHEET, "sheet": "PHNjcmlwdD4="}]),
        person(inputs=[{}]),
        person(inputs=5),
    ],
)
def test_other_results_do_not(made):
    with pytest.raises(BadMessage):
        checked_result(encoded(made), "a.mp4", "a.mp4")


def test_deep_json_is_refused():
    with pytest.raises(BadMessage):
        checked_result(b"[" * 100_000, "a.mp4", "a.mp4")
    with pytest.raises(BadMessage):
        checked_film(b'{"a":' * 100_000)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "script"},
        {"src": "../film.mp4"},
        {"src": "film.mp4\n"},
        {"src": "javascript:x"},
        {"src": "film.mp4/x"},
        {"note": 5},
        {"note": "\ud800"},
        {"width": -1},
        {"kind": []},
        {"step": 10**400},
        {"src": {}},
        {"step": None},
        {"times": [1, "2"]},
        {"sound": {"src": "other.png", "start": 0, "end": 1, "low": 1, "high": 2}},
        {"sound": {"src": "sound.png"}},
        {"thumbnails": {"sheets": ["/etc/passwd"]}},
        {"more": 1},
    ],
)
def test_a_film_has_the_values_of_one(changes):
    good = {**NO_FILM, "kind": "film", "src": "film.mp4", "times": [0.0, 1.5]}
    assert checked_film(encoded(good)) == good
    with pytest.raises(BadMessage):
        checked_film(encoded({**good, **changes}))


@pytest.fixture
def replies(tmp_path):
    return Replies("a.mp4", "a.mp4", Allowance(), None, tmp_path)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ({"kind": "file", "name": "../card.jpg"}, b""),
        ({"kind": "file", "name": "index.html"}, b""),
        ({"kind": "file", "name": "film.json"}, b""),
        ({"kind": "file", "name": "film-0.jpg"}, b""),
        ({"kind": "file", "name": "card.jpg"}, b"<script>"),
        ({"kind": "file", "name": "sound.png"}, b"\xff\xd8\xff"),
        ({"kind": "file", "name": ["card.jpg"]}, b""),
        ({"kind": "made", "name": "index.html"}, b""),
        ({"kind": "made", "name": "film.html"}, b""),
        ({"kind": "clip", "name": "/film.mp4"}, b""),
        ({"kind": "card"}, b"GIF89a"),
        ({"kind": "progress", "stage": "other", "done": 1.0}, b""),
        ({"kind": "progress", "stage": "film", "done": "1"}, b""),
        ({"kind": "progress", "stage": [], "done": 1.0}, b""),
        ({"kind": "progress", "stage": "film", "done": 10**400}, b""),
        ({"kind": []}, b""),
        ({"kind": "run"}, b""),
        ({}, b""),
    ],
)
def test_messages_that_nobody_expects_are_refused(replies, head, body):
    with pytest.raises(BadMessage):
        replies.add(head, body)


def test_files_get_their_places(replies, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"clip")
    (tmp_path / "partial").write_bytes(b"film")
    replies.add({"kind": "file", "name": "card.jpg"}, b"\xff\xd8\xff1")
    replies.add({"kind": "file", "name": "film-12.jpg"}, b"\xff\xd8\xff2")
    replies.add({"kind": "made", "name": "film.webm"}, b"")
    replies.place(tmp_path / "partial", tmp_path / "page", tmp_path / "clip.mp4")
    names = {own.name for own in (tmp_path / "page").iterdir()}
    assert names == {"card.jpg", "film-12.jpg", "film.webm"}
    replies.add({"kind": "clip", "name": "film.html"}, b"")
    (tmp_path / "partial").write_bytes(b"film")
    with pytest.raises(ParameterError, match="another ending"):
        replies.place(tmp_path / "partial", tmp_path / "page", tmp_path / "clip.mp4")


class Made:
    """An end of a connection with these bytes."""

    def __init__(self, data):
        self.data = data

    def take(self, size):
        part, self.data = self.data[: min(size, 5)], self.data[min(size, 5) :]
        return part, []


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", EOFError),
        (struct.pack("<IQ", 2, 0) + b"{", EOFError),
        (struct.pack("<IQ", 2**31, 0), BadMessage),
        (struct.pack("<IQ", 2, 2**40) + b"{}", BadMessage),
        (struct.pack("<IQ", 2, 0) + b"[]", BadMessage),
        (struct.pack("<IQ", 2, 0) + b"{[", BadMessage),
        (struct.pack("<IQ", 2, 9) + b"{}abc", EOFError),
    ],
)
def test_the_length_of_a_message_is_checked_first(data, error):
    with pytest.raises(error):
        Channel(Made(data)).receive(100)


def test_a_message_may_come_in_pieces():
    data = struct.pack("<IQ", 8, 12) + b'{"a": 1}' + b"x" * 12
    assert Channel(Made(data)).receive(100) == ({"a": 1}, b"x" * 12, [])
