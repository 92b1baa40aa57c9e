"""Stretches of time with a label: what rows they come from, and that they never overlap."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.export.names import names_of
from emonets.export.tiers import ClipTiers, Stretch, tiers_of, without_overlaps, without_rows
from emonets.result import Result
from made_exports import BROKEN, EXPECTED, FILES, PHOTO, RESULT, SONG, TALK, p, results, row


def stretches(clip: ClipTiers) -> dict[str, list[tuple[int, int, str]]]:
    return {tier.name: [(s.start, s.end, s.label) for s in tier.stretches] for tier in clip.every}


def test_tiers_of_a_clip() -> None:
    clips = {clip.file: clip for clip in tiers_of(RESULT)}
    assert list(clips) == [TALK, PHOTO, SONG]
    assert {file: stretches(clips[file]) for file in EXPECTED} == EXPECTED
    assert without_rows(RESULT) == (BROKEN,)
    talk = clips[TALK]
    assert {tier.name: (tier.person, tier.model) for tier in talk.every} == {
        "Person 0": (0, "face+audio"),
        "Person 1": (1, "face+audio"),
        "Audio": (None, "audio"),
        "No face": (None, "face+audio"),
        "Clip": (None, "face+audio"),
    }
    assert (talk.pictures, talk.sound, talk.end) == (True, True, 4250)
    assert (clips[SONG].pictures, clips[SONG].sound) == (False, True)
    assert stretches(clips[PHOTO]) == {
        "Person 0": [(0, 0, "surprise")],
        "Clip": [(0, 0, "surprise")],
    }


def test_windows_that_are_joined_have_their_mean() -> None:
    tier = tiers_of(RESULT)[0].tiers[0]
    assert len(tier.windows) == 3
    assert [round(s.probability, 6) for s in tier.stretches] == [0.5, 0.4]
    uncertain = tiers_of(RESULT)[0].tiers[1].stretches[1]
    assert (uncertain.label, uncertain.probability) == ("uncertain", 0.4)


def test_a_clip_of_one_window_has_the_row_of_the_face() -> None:
    clip = (
        row("a", 0, 2, "sad", 0),
        row("a", 0, 2, "sad", level="clip", model="face", face_found=True, sound_found=None),
        row("a", 0, 2, "angry", level="clip"),
        row("a", 0, 2, "happy", level="clip", model="face+audio", face_found=True),
    )
    (made,) = tiers_of(Result(clip))
    assert stretches(made) == {
        "Person 0": [(0, 2000, "sad")],
        "Audio": [(0, 2000, "angry")],
        "Clip": [(0, 2000, "happy")],
    }


def test_ends_that_are_rounded_in_two_ways_touch() -> None:
    near = 1.0275 - 2e-16
    rows = (row("a", 0, near, "sad", 0), row("a", 1.0284, 2, "sad", 0), row("a", 2, 3, "fear", 0))
    assert stretches(tiers_of(Result(rows))[0])["Person 0"] == [
        (0, 2000, "sad"), (2000, 3000, "fear"),
    ]  # fmt: skip


def test_windows_that_overlap_count_where_they_are_nearest() -> None:
    windows = [Stretch(a, a + 5000, label, p(label)) for a, label in
               ((0, "sad"), (1000, "fear"), (2000, "happy"))]  # fmt: skip
    assert [(s.start, s.end, s.label) for s in without_overlaps(windows)] == [
        (0, 3000, "sad"), (3000, 4000, "fear"), (4000, 7000, "happy"),
    ]  # fmt: skip
    sure = Stretch(0, 5000, "angry", p("angry", 0.9))
    assert [s.label for s in without_overlaps([windows[0], sure])] == ["angry"]


_labels = st.sampled_from(["sad", "happy", "fear"])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20), _labels)))
def test_each_time_is_covered_once(spans: list[tuple[int, int, str]]) -> None:
    given_ = [Stretch(10 * a, 10 * (a + n), label, p(label)) for a, n, label in spans]
    made = without_overlaps(given_)
    for before, after in pairwise(made):
        assert before.end <= after.start
    for t in range(5, 700, 10):
        here = {s.label for s in given_ if s.start < t < s.end}
        found = [s.label for s in made if s.start <= t < s.end]
        assert len(found) == bool(here)
        assert set(found) <= here


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 50), _labels), unique_by=lambda span: span[0]))
def test_the_nearest_window_counts(spans: list[tuple[int, str]]) -> None:
    given_ = [Stretch(40 * a, 40 * a + 200, label, p(label)) for a, label in spans]
    made = without_overlaps(given_)
    for t in range(1, 2240, 2):
        here = [s for s in given_ if s.start < t < s.end]
        found = [s.label for s in made if s.start <= t < s.end]
        nearest = [s.label for s in sorted(here, key=lambda s: abs(s.start + s.end - 2 * t))[:1]]
        assert found == nearest


@settings(max_examples=30, deadline=None)
@given(results())
def test_tiers_of_any_result(result: Result) -> None:
    for clip in tiers_of(result):
        names = [tier.name for tier in clip.every]
        assert len(set(names)) == len(names)
        for tier in clip.every:
            made = tier.stretches
            assert all(s.start < s.end <= clip.end for s in made) or clip.end == 0
            for before, after in pairwise(made):
                assert before.end <= after.start
                assert (before.end, before.label) != (after.start, after.label)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.one_of(st.sampled_from(FILES), st.text(min_size=1)), unique=True))
def test_no_two_clips_have_one_name(files: list[str]) -> None:
    names = names_of(files)
    assert list(names) == files
    assert len({name.casefold() for name in names.values()}) == len(files)
    for name in names.values():
        assert name
        assert not set(name) & set('<>:"/\\|?*\0')
        assert len(name.encode()) < 200


def test_names_of_clips() -> None:
    assert names_of(iter(["a/b.mp4", "a/c.mp4", "d/c.mp4", "d/c.wav"])) == {
        "a/b.mp4": "b", "a/c.mp4": "a_c.mp4", "d/c.mp4": "d_c.mp4", "d/c.wav": "c.wav",
    }  # fmt: skip
    same = names_of(["A.mp4", "a.mp4", "./a.mp4"])
    assert len({name.casefold() for name in same.values()}) == 3
    assert names_of(["con.mp4", "..", "a:b.mp4"]) == {
        "con.mp4": "_con", "..": "clip", "a:b.mp4": "a_b",
    }  # fmt: skip
