"""The same numbers for the same people in several clips."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from emonets.batch import Options, predict_many
from emonets.inference.same_people import common_people, with_same_people
from emonets.result import FileStatus, PersonSeen, Result, Row

WHO = np.random.default_rng(4).normal(size=(9, 128)) * 0.055


def seen(file, person, who, seed=0):
    own = None
    if who is not None:
        noise = np.random.default_rng((seed, who)).normal(size=128) * 0.01
        own = (WHO[who] + noise).astype(np.float32)
    nothing = np.zeros((0, 4))
    return PersonSeen(file, person, (person,), np.zeros(0), nothing, 1.0, b"", own)


def row(file, person):
    return Row(file, person, 0.0, 1.0, True, "face", (1.0, *[0.0] * 6), level="face", person=person)


def result(*clips):
    """Clips as a file's name with who its persons are."""
    persons = tuple(
        seen(file, k, who, seed=i) for i, (file, cast) in enumerate(clips)
        for k, who in enumerate(cast)
    )  # fmt: skip
    rows = tuple(row(own.file, own.person) for own in persons)
    return Result(rows, tuple(FileStatus(file, "ok") for file, _ in clips), {}, persons)


def test_people_have_one_number_in_all_clips():
    found = with_same_people(result(("a", [3, 5]), ("b", [5]), ("c", [7, 3, 5])))
    expected = [0, 1, 1, 2, 0, 1]
    assert [own.person for own in found.persons] == expected
    assert [own.person for own in found.rows] == expected
    assert [own.track for own in found.rows] == [0, 1, 0, 0, 1, 2]


def test_two_persons_of_a_clip_stay_two_however_alike():
    found = with_same_people(result(("a", [3, 3]), ("b", [3])))
    numbers = [own.person for own in found.persons]
    assert numbers[0] != numbers[1]
    assert numbers[2] in numbers[:2]


def test_without_an_embedding_a_person_has_a_number_of_their_own():
    found = with_same_people(result(("a", [None, 3]), ("b", [None, 3])))
    assert [own.person for own in found.persons] == [0, 1, 2, 1]


def test_rows_without_a_person_and_clips_without_faces_stay():
    lone = Row("a", None, 0.0, 1.0, False, "face", (1 / 7,) * 7)
    found = with_same_people(Result((lone,), (FileStatus("a", "no face"),)))
    assert found.rows == (lone,)
    assert found.persons == ()


def test_json_changes_nothing():
    """As a batch that was interrupted reads the clips that were done."""
    parts = result(("a", [3, 5]), ("b", [5]), ("c", [7, 3, 5]))
    again = Result.from_json(parts.to_json())
    assert with_same_people(again) == with_same_people(parts)


def test_a_result_of_several_clips_holds_no_embedding():
    found = common_people(result(("a", [3, 5]), ("b", [5])))
    assert [own.person for own in found.persons] == [0, 1, 1]
    assert all(own.embedding is None for own in found.persons)


def test_a_batch_gives_one_number_also_when_it_goes_on_with_other_workers(
    tmp_path: Path, happy: Path, angry: Path
) -> None:
    clips = [
        Path(shutil.copy(clip, tmp_path / f"{name}.flv"))
        for name, clip in (("a", happy), ("b", angry))
    ]

    def run(
        these: list[Path], folder: str, *, workers: int = 1, same_people: bool = True
    ) -> Result:
        return predict_many(
            these, bundle="paper", models="face", options=Options(stride=12), workers=workers,
            folder=tmp_path / folder, same_people=same_people,
        )  # fmt: skip

    run(clips[1:], "out")  # as if interrupted
    whole = run(clips, "out")
    assert [(Path(p.file).name, p.person) for p in whole.persons] == [("a.flv", 0), ("b.flv", 0)]
    assert {row.person for row in whole.rows if row.level == "face"} == {0}
    assert all(person.embedding is None for person in whole.persons)
    assert run(clips, "two", workers=2) == whole

    def embeddings() -> list[object]:
        files = sorted((tmp_path / "out" / "clips").iterdir())
        kept = [json.loads(path.read_text("utf-8")) for path in files]
        return [person["embedding"] for one in kept for person in one["persons"]]

    assert [len(own) for own in embeddings() if isinstance(own, list)] == [128, 128]
    run(clips, "out", same_people=False)
    assert embeddings() == [None, None]
