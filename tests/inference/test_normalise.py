"""Predictions of a run normalised by the person, with specialists that predict what they hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from people import FakeSpeech, sharp

from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.inference.normalise import (
    Normalising,
    groups_of,
    normalise_parts,
    normalising,
    with_note,
)
from emonets.inference.persons import Scene
from emonets.inference.rows import ClipRows
from emonets.inference.unfused import Unfused
from emonets.learners.group_scaling import Reference
from emonets.result import FileStatus, Result, Row

ANGRY_LOOKING = np.array([3.0, 0, 0, 0, 0, 0, 0])
KNOWN = {"face": tuple(range(7)), "audio": tuple(range(7))}


def leaning(emotion: str, lean: np.ndarray, seed: int = 0) -> tuple[float, ...]:
    """Probabilities of a person who shows an emotion and leans to others."""
    random = np.random.default_rng(seed)
    scores = 2.0 * np.eye(7)[EMOTIONS.index(emotion)] + lean + 0.3 * random.normal(size=7)
    p = np.exp(scores) / np.exp(scores).sum()
    return tuple(map(float, p))


def clip(
    file: str,
    faces: list[dict[int, tuple[float, ...]]],
    voice: list[tuple[float, ...]] | None = None,
    baseline: list[tuple[float, ...]] | None = None,
    speaks: dict[int, bool] | None = None,
) -> Unfused:
    """A clip with a window each entry: person → probabilities of the face; and of the voice."""
    made = ClipRows(by_span=[[] for _ in faces])
    people = sorted({person for window in faces for person in window})
    for k, window in enumerate(faces):
        for person, p in window.items():
            row = Row(
                file, person, 5.0 * k, 5.0 * k + 5, True, "face", p, level="face", person=person,
                speaks=(speaks or {}).get(person),
            )  # fmt: skip
            made.by_span[k].append(row)
            made.rows.append(row)
        if voice is not None and len(faces) > 1:
            row = Row(
                file, None, 5.0 * k, 5.0 * k + 5, None, "audio", voice[k], sound_found=True,
                level="window",
            )  # fmt: skip
            made.by_span[k].append(row)
            made.rows.append(row)
    end = 5.0 * len(faces)
    every = [p for window in faces for p in window.values()]
    if every:
        p = tuple(map(float, np.mean(every, axis=0)))
        made.whole.append(Row(file, None, 0.0, end, True, "face", p))
    if voice is not None:
        p = tuple(map(float, np.mean(voice, axis=0)))
        made.whole.append(Row(file, None, 0.0, end, None, "audio", p, sound_found=True))
        if len(faces) == 1:
            made.by_span[0].append(made.whole[-1])
    calm = [Row(file, 0, 0.0, 5.0, True, "face", p, level="face", person=0) for p in baseline or []]
    names = [row.model for row in made.whole]
    scene = Scene({i: (i,) for i in people}, {i: 9.0 - i for i in people}, FakeSpeech([(0, end)]))
    return Unfused.of(
        made, scene, names, [n for n in names if n == "face"], (0.0, end), calm
    )  # fmt: skip


def person(file: str, lean: np.ndarray, shown: tuple[str, ...] = EMOTIONS) -> Unfused:
    """A long clip of one person who shows each of some emotions in a window."""
    return clip(file, [{0: leaning(word, lean, i)} for i, word in enumerate(shown)])


def labels(unfused: Unfused | None, level: str = "face") -> list[str | None]:
    assert unfused is not None
    return [row.label for row in unfused.rows if row.level == level]


def test_a_face_that_always_looks_angry_is_not_angry() -> None:
    parts = [person(f"{i}.mp4", np.zeros(7), EMOTIONS * 3) for i in range(3)]
    parts.append(person("angry.mp4", ANGRY_LOOKING, EMOTIONS * 3))
    before = sum(a == b for a, b in zip(labels(parts[3]), EMOTIONS * 3, strict=True))
    assert labels(parts[3]).count("angry") > 17
    made, notes = normalise_parts(
        parts, ["0.mp4", "1.mp4", "2.mp4", "angry.mp4"], Normalising(), {}
    )
    right = sum(a == b for a, b in zip(labels(made[3]), EMOTIONS * 3, strict=True))
    assert right > before + 5
    assert notes == [""] * 4
    assert all(row.normalised for row in made[3].rows)  # type: ignore[union-attr]
    alike = normalise_parts(parts[:3], ["0.mp4", "1.mp4", "2.mp4"], Normalising(), {})[0]
    assert labels(alike[0]) == labels(parts[0])


def test_a_bundles_reference_is_enough_for_one_person() -> None:
    reference = {"face": Reference(np.full(7, -2.5), np.ones(7))}
    part = person("a.mp4", ANGRY_LOOKING, EMOTIONS * 3)
    (alone,), (note,) = normalise_parts([part], ["a.mp4"], Normalising(), {})
    assert alone == part
    assert note.startswith("face not normalised: no other person to compare with")
    (made,), (note,) = normalise_parts([part], ["a.mp4"], Normalising(), reference)
    assert note == ""
    assert len(set(labels(made))) > 3


def test_groups_pool_the_files_of_a_person(tmp_path: Path) -> None:
    files = [str(tmp_path / f"{i}.mp4") for i in range(84)]
    parts = [
        clip(file, [{0: leaning(EMOTIONS[i % 7], ANGRY_LOOKING if i < 42 else np.zeros(7), i)}])
        for i, file in enumerate(files)
    ]
    made, notes = normalise_parts(parts, files, Normalising(), {})
    assert made == parts
    assert all("one window of the person is too little" in note for note in notes)
    groups = groups_of({file: "ann" if i < 42 else "bob" for i, file in enumerate(files)})
    made, notes = normalise_parts(parts, files, Normalising(groups=groups), {})
    assert notes == [""] * 84
    wrong = sum(labels(part, "clip") == ["angry"] for part in parts[:42])
    less = sum(labels(part, "clip") == ["angry"] for part in made[:42])
    assert wrong > 33
    assert less < wrong - 9
    numbers = {(file, 0): int(i >= 42) for i, file in enumerate(files)}
    same, _ = normalise_parts(parts, files, Normalising(), {}, numbers)
    for a, b in zip(made, same, strict=True):
        assert a is not None
        assert b is not None
        for x, y in zip(a.rows, b.rows, strict=True):
            np.testing.assert_allclose(x.probabilities, y.probabilities)


def test_two_people_of_a_clip_have_their_own_baselines() -> None:
    windows = [
        {0: leaning(word, ANGRY_LOOKING, i), 1: leaning(word, np.zeros(7), i)}
        for i, word in enumerate(EMOTIONS * 3)
    ]
    voice = [tuple(map(float, sharp("sad")))] * 21
    part = clip("two.mp4", windows, voice)
    (made,), _ = normalise_parts([part], ["two.mp4"], Normalising(), {})
    assert made is not None
    ann = [row for row in made.rows if row.person == 0]
    assert all(row.normalised for row in ann)
    assert sum(row.label == "angry" for row in ann) < 15
    # whose the voice is, is not known; and the clip's face is of both
    other = [row for row in made.rows if row.person is None]
    assert not any(row.normalised for row in other)
    assert [row.probabilities for row in other] == [
        row.probabilities for row in part.rows if row.person is None
    ]


def test_the_voice_is_that_of_the_only_one_who_speaks() -> None:
    windows = [{0: leaning("sad", np.zeros(7), i), 1: leaning("sad", np.zeros(7), i)}
               for i in range(6)]  # fmt: skip
    voice = [leaning(word, ANGRY_LOOKING, i) for i, word in enumerate(EMOTIONS[:6])]
    part = clip("two.mp4", windows, voice, speaks={0: True, 1: False})
    reference = {"audio": Reference(np.full(7, -2.5), np.ones(7))}
    (made,), _ = normalise_parts([part], ["two.mp4"], Normalising(), reference)
    assert made is not None
    heard = [row for row in made.rows if row.model == "audio" and row.level == "window"]
    assert [row.normalised for row in heard] == [True] * 6
    fused = made.fuse(None, KNOWN)
    joined = [row for row in fused if row.model == "face+audio" and row.level == "face"]
    assert {row.normalised for row in joined if row.person == 0} == {True}


def test_what_is_fused_is_normalised_and_what_is_not_stays() -> None:
    part = person("a.mp4", ANGRY_LOOKING, EMOTIONS * 2)
    part = clip(
        "a.mp4", [{0: row.probabilities} for row in part.rows if row.level == "face"],
        [tuple(map(float, sharp("sad", 0.3)))] * 14,
    )  # fmt: skip
    plain = part.fuse(None, KNOWN)
    assert not any(row.normalised for row in plain)
    reference = {"face": Reference(np.full(7, -2.5), np.ones(7))}
    (made,), (note,) = normalise_parts([part], ["a.mp4"], Normalising(), reference)
    assert made is not None
    fused = made.fuse(None, KNOWN)
    assert [replace(row, probabilities=(), normalised=False) for row in fused] == [
        replace(row, probabilities=(), normalised=False) for row in plain
    ]
    assert {row.model: row.normalised for row in fused} == {
        "face": True, "audio": False, "face+audio": True,
    }  # fmt: skip
    assert fused[-1].probabilities != plain[-1].probabilities
    assert "audio not normalised" in note


def test_a_stretch_at_rest_moves_the_rest(tmp_path: Path) -> None:
    calm = [leaning("neutral", ANGRY_LOOKING, 5)]
    part = person("a.mp4", ANGRY_LOOKING, EMOTIONS * 2)
    windows = [{0: row.probabilities} for row in part.rows if row.level == "face"]
    part = clip("a.mp4", windows, baseline=calm)
    how = Normalising(stretch=(0.0, 5.0))
    rest = np.log(sharp("neutral", 0.7))
    reference = {"face": Reference(np.full(7, -2.5), np.ones(7), rest)}
    (less,), _ = normalise_parts([part], ["a.mp4"], how, {})
    (made,), (note,) = normalise_parts([part], ["a.mp4"], how, reference)
    assert note == ""
    assert less is not None
    angry = [next(r.probabilities[0] for r in u.rows if r.level == "clip") for u in (part, less)]
    assert angry[1] < angry[0]  # the less as it is not known how others score at rest
    assert made is not None
    assert next(r.probabilities[0] for r in made.rows if r.level == "clip") < angry[1]
    calm_after = made.fuse(None, KNOWN)
    assert all(row.normalised for row in calm_after)
    assert labels(part).count("angry") > 11
    window = [row for row in calm_after if row.level == "face"]
    assert window[6].label == "neutral"
    # the stretch itself is no row of the result
    assert len(calm_after) == len(part.fuse(None, KNOWN)) == 15
    nothing = clip("a.mp4", windows)
    (same,), (note,) = normalise_parts([nothing], ["a.mp4"], how, {})
    assert same == nothing
    assert note == (
        "face not normalised: the baseline 0-5 s holds no face of the person; name one that does"
    )


def test_a_file_at_rest_is_of_its_person_or_of_all(tmp_path: Path) -> None:
    calm_file = str(tmp_path / "calm.mp4")
    calm = clip(calm_file, [{0: leaning("neutral", ANGRY_LOOKING, 5)}])
    files = [str(tmp_path / name) for name in ("a.mp4", "b.mp4")]
    parts = [person(file, ANGRY_LOOKING) for file in files]
    how = Normalising(Path(calm_file))
    made, notes = normalise_parts(parts, files, how, {}, None, (calm_file, calm))
    assert notes == ["", ""]
    assert all(row.normalised for part in made if part for row in part.rows)
    groups = groups_of({calm_file: "ann", files[0]: "ann", files[1]: "bob"})
    made, notes = normalise_parts(
        parts, files, replace(how, groups=groups), {}, None, (calm_file, calm)
    )  # fmt: skip
    assert made[0] != parts[0]
    assert made[1] == parts[1]
    assert notes[0] == ""
    assert "holds no face of the person" in notes[1]
    made, notes = normalise_parts(parts, files, how, {}, None, (calm_file, None))
    assert made == parts
    assert "holds no face" in notes[0]


def test_a_clip_that_failed_hides_no_other() -> None:
    reference = {"face": Reference(np.full(7, -2.5), np.ones(7))}
    part = person("a.mp4", ANGRY_LOOKING)
    made, notes = normalise_parts([None, part], ["x.mp4", "a.mp4"], Normalising(), reference)
    assert made[0] is None
    assert made[1] != part
    assert notes == ["", ""]


def test_a_plan_survives_json() -> None:
    part = clip("a.mp4", [{0: leaning("sad", np.zeros(7), i)} for i in range(3)],
                [tuple(map(float, sharp("sad")))] * 3)  # fmt: skip
    result = part.to_result(FileStatus("a.mp4", "ok"), {}, ())
    back = Unfused.from_result(Result.from_json(result.to_json()))
    assert back is not None
    assert back.fuse(None, KNOWN) == part.fuse(None, KNOWN)
    assert Unfused.from_result(Result()) is None
    assert json.loads(result.to_json())["rows"][0]["normalised"] is False


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"normalise": "group"}, "normalise must be one of none, person"),
        ({"normalise": "person", "baseline": "0-15"}, "give one, not both"),
        ({"normalise": None, "groups": {"a": "b"}}, "groups needs normalise"),
        ({"normalise": None, "baseline": "15-0"}, "from the smaller to the larger"),
        ({"normalise": None, "baseline": "none.mp4"}, "there is no file none.mp4"),
    ],
)
def test_wrong_arguments(given: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        normalising(**given)  # type: ignore[arg-type]


def test_arguments() -> None:
    assert normalising(None) is None
    assert normalising("none") is None
    assert normalising("person") == Normalising()
    assert normalising(None, "0.5-15") == Normalising(stretch=(0.5, 15.0))
    assert normalising("none", (1, 2)) == Normalising(stretch=(1, 2))
    assert normalising(None, __file__) == Normalising(Path(__file__))


def test_tables_of_groups(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    table = tmp_path / "who.csv"
    table.write_text("file,person\na.mp4,ann\nsub/b.mp4,bob\n")
    assert groups_of(table) == {
        str((tmp_path / "a.mp4").resolve()): "ann",
        str((tmp_path / "sub/b.mp4").resolve()): "bob",
    }
    table.write_text("path;label;group\na.mp4;happy;ann\n")
    assert list(groups_of(table).values()) == ["ann"]
    wrong = {
        "file,who\na.mp4,ann\n": "no column person",
        "file,person\na.mp4,\n": "line 2: needs a file and a person",
        "file,person\na.mp4,ann\na.mp4,bob\n": "line 3: a.mp4 is of ann and of bob",
    }
    for text, message in wrong.items():
        table.write_text(text)
        with pytest.raises(ParameterError, match=message):
            groups_of(table)
    with pytest.raises(DataError, match=r"none\.csv"):
        groups_of(tmp_path / "none.csv")


def test_a_note_follows_the_message() -> None:
    result = Result(files=(FileStatus("a", "ok", "x"),))
    assert with_note(result, "") == result
    assert with_note(result, "y").files[0].message == "x; y"
