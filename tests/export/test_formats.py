"""Formats with a time line, read back by libraries of others or by their documentation."""

from __future__ import annotations

import csv
import io
import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import audformat
import pandas as pd
import pympi
import pytest
import webvtt
from hypothesis import given, settings

from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.export import write, write_all, writer
from emonets.export.names import beside, names_of
from emonets.export.tiers import ClipTiers, tiers_of
from emonets.result import FileStatus, Result
from made_exports import EXPECTED, PHOTO, RESULT, SONG, TALK, results

Tiers = dict[str, list[tuple[int, int, str]]]
"""Name of a tier → start and end in milliseconds, and label."""

NAMES = {TALK: "Täl&k _1_", PHOTO: "photo", SONG: "song"}


def ms(seconds: float) -> int:
    return round(1000 * seconds)


def read_elan(folder: Path, name: str) -> Tiers:
    eaf = pympi.Eaf(str(folder / f"{name}.eaf"))
    return {
        tier: sorted(tuple(made[:3]) for made in eaf.get_annotation_data_for_tier(tier))
        for tier in eaf.get_tier_names()
    }


def read_textgrid(folder: Path, name: str) -> Tiers:
    grid = pympi.TextGrid(str(folder / f"{name}.TextGrid"))
    made: Tiers = {}
    for tier in grid.get_tiers():
        every = list(tier.get_all_intervals())
        assert (every[0][0], every[-1][1]) == (0, grid.xmax)  # no gaps, as Praat needs it
        assert all(a[1] == b[0] for a, b in pairwise(every))
        made[tier.name] = [(ms(a), ms(b), label) for a, b, label in every if label]
    return made


def read_vtt(folder: Path, name: str) -> Tiers:
    """A cue is a window: neighbours with one label are joined here."""
    made: Tiers = {}
    starts = []
    for cue in webvtt.read(folder / f"{name}.vtt"):
        voice, label = cue.voice, cue.text.rpartition(": ")[2].split(" ")[0]
        start, end = (ms(pd.Timedelta(t).total_seconds()) for t in (cue.start, cue.end))
        assert cue.text.startswith(f"{voice}: ")
        starts.append(start)
        spans = made.setdefault(voice, [])
        if spans and spans[-1][1:] == (start, label):
            spans[-1] = (spans[-1][0], end, label)
        else:
            spans.append((start, end, label))
    assert starts == sorted(starts)
    return made


def read_bids(folder: Path, name: str) -> Tiers:
    table = pd.read_csv(folder / f"{name}_events.tsv", sep="\t", na_values=["n/a"])
    described = json.loads((folder / f"{name}_events.json").read_text("utf-8"))
    assert list(table.columns[:3]) == ["onset", "duration", "trial_type"]
    assert set(table.columns) <= set(described)
    assert table["onset"].is_monotonic_increasing
    assert set(table["trial_type"]) <= set(described["trial_type"]["Levels"])
    assert ((table["person"].isna()) == ~table["tier"].str.startswith("Person")).all()
    made: Tiers = {}
    for row in table.itertuples():
        span = (ms(row.onset), ms(row.onset + row.duration), row.trial_type)
        made.setdefault(row.tier, []).append(span)
    return made


def read_boris(folder: Path, name: str) -> Tiers:
    """By the format of a project: events of a subject and behaviour are its starts and stops."""
    text = (folder / "results.boris").read_bytes().decode("ascii")
    project = json.loads(text)
    subjects = {one["name"] for one in project["subjects_conf"].values()}
    behaviours = {one["code"]: one for one in project["behaviors_conf"].values()}
    assert {one["type"] for one in behaviours.values()} == {"State event"}
    assert len({one["key"] for one in behaviours.values()}) == len(behaviours)
    seen = project["observations"][name]
    assert seen["type"] == "MEDIA"
    (media,) = seen["file"]["1"]
    for what in ("length", "fps", "hasVideo", "hasAudio"):
        assert set(seen["media_info"][what]) == {media}
    assert [event[:3] for event in seen["events"]] == sorted(e[:3] for e in seen["events"])
    made: Tiers = {}
    begun: dict[tuple[str, str], float] = {}
    for time, subject, code, modifier, _, _ in seen["events"]:
        assert subject in subjects
        assert code in behaviours
        assert modifier == ""
        if (subject, code) in begun:
            start = begun.pop((subject, code))
            made.setdefault(subject, []).append((ms(start), ms(time), code))
        else:
            begun[subject, code] = time
    assert not begun
    return {tier: sorted(spans) for tier, spans in made.items()}


def read_audformat(folder: Path, name: str) -> Tiers:
    database = audformat.Database.load(folder / "audformat")
    (file,) = [f for f, made in NAMES.items() if made == name]
    path = beside(file, folder / "audformat")
    made: Tiers = {}
    for table in database.tables:
        frame = database[table].get()
        title = {"files": "Clip", "audio": "Audio", "no-face": "No face"}.get(table)
        for index, emotion in frame["emotion"].items():
            if title == "Clip":
                if index == path:
                    made["Clip"] = [(0, -1, emotion)]
            elif index[0] == path:
                span = (ms(index[1].total_seconds()), ms(index[2].total_seconds()), emotion)
                made.setdefault(title or table.replace("person-", "Person "), []).append(span)
    return made


READERS: dict[str, Callable[[Path, str], Tiers]] = {
    "elan": read_elan, "textgrid": read_textgrid, "vtt": read_vtt, "bids": read_bids,
    "boris": read_boris, "audformat": read_audformat,
}  # fmt: skip


@pytest.mark.parametrize("format", READERS)
def test_what_is_written_is_read_back(format: str, tmp_path: Path) -> None:
    files = write_all(RESULT, tmp_path, format)
    assert sorted(tmp_path.rglob("*.*")) == sorted(files)
    for file, tiers in EXPECTED.items():
        expected = dict(tiers)
        if format == "vtt":  # the whole clip's label would hide the others
            del expected["Clip"]
        if format == "audformat":
            expected["Clip"] = [(0, -1, tiers["Clip"][0][2])]
        assert READERS[format](tmp_path, NAMES[file]) == expected


@pytest.mark.parametrize("format", ["elan", "textgrid", "vtt", "boris"])
def test_a_picture_has_no_time(format: str, tmp_path: Path) -> None:
    assert writer(format).left_out(RESULT) == [PHOTO]
    write_all(RESULT, tmp_path, format)
    assert not list(tmp_path.glob("photo*"))
    if format == "boris":
        assert "photo" not in (tmp_path / "results.boris").read_text("ascii")


def test_tables_have_pictures(tmp_path: Path) -> None:
    for format in ("bids", "audformat"):
        assert writer(format).left_out(RESULT) == []
        write_all(RESULT, tmp_path, format)
    assert read_bids(tmp_path, "photo")["Person 0"] == [(0, 0, "surprise")]
    assert read_audformat(tmp_path, "photo")["Person 0"] == [(0, 0, "surprise")]


def test_probabilities_are_there(tmp_path: Path) -> None:
    for format in ("bids", "audformat", "vtt", "boris"):
        write_all(RESULT, tmp_path, format)
    first = tiers_of(RESULT)[0].tiers[0].stretches[0]
    table = pd.read_csv(tmp_path / f"{NAMES[TALK]}_events.tsv", sep="\t")
    own = table[(table["tier"] == "Person 0") & (table["onset"] == 0)].iloc[0]
    frame = audformat.Database.load(tmp_path / "audformat")["person-0"].get().iloc[0]
    for one in (own, frame):
        assert one["probability"] == 0.5
        assert one[list(EMOTIONS)].tolist() == pytest.approx(first.probabilities, abs=1e-6)
        assert one["model"] == "face+audio"
    text = (tmp_path / f"{NAMES[TALK]}.vtt").read_text("utf-8")
    assert "<v Person 0>Person 0: happy 40%</v>" in text
    assert "clip: happy 40% (face+audio)" in text
    events = json.loads((tmp_path / "results.boris").read_text())["observations"][NAMES[TALK]]
    assert [0.0, "Person 0", "happy", "", "probability 0.50", "NA"] in events["events"]


@pytest.mark.parametrize("format", ["elan", "boris", "audformat"])
def test_media_are_found_from_the_file(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the clip was named, the relative path leads to it."""
    (tmp_path / "clips & ä").mkdir()
    clip = tmp_path / "clips & ä" / "a b.mp4"
    clip.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    for name in (os.path.join("clips & ä", "a b.mp4"), str(clip)):
        rows = tuple(row.__class__(**(vars(row) | {"file": name})) for row in RESULT.rows[-1:])
        write_all(Result(rows), "out", format)
        if format == "elan":
            (link,) = pympi.Eaf("out/a b.eaf").get_linked_files()
            assert link["MEDIA_URL"] == "file:///" + clip.as_posix().lstrip("/")
            place = tmp_path / "out" / link["RELATIVE_MEDIA_URL"]
        elif format == "boris":
            project = json.loads(Path("out/results.boris").read_text())
            place = tmp_path / "out" / project["observations"]["a b"]["file"]["1"][0]
        else:
            (index,) = audformat.Database.load("out/audformat")["files"].get().index
            place = tmp_path / "out" / "audformat" / index
        assert place.resolve() == clip.resolve()


CHILDREN = {
    "ANNOTATION_DOCUMENT": ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LANGUAGE",
                            "CONTROLLED_VOCABULARY"],
    "HEADER": ["MEDIA_DESCRIPTOR", "PROPERTY"],
    "TIME_ORDER": ["TIME_SLOT"],
    "TIER": ["ANNOTATION"],
    "ANNOTATION": ["ALIGNABLE_ANNOTATION"],
    "ALIGNABLE_ANNOTATION": ["ANNOTATION_VALUE"],
    "CONTROLLED_VOCABULARY": ["DESCRIPTION", "CV_ENTRY_ML"],
    "CV_ENTRY_ML": ["CVE_VALUE"],
}  # fmt: skip
"""What EAF 3.0 allows in an element, in this order; of what is written."""
NEEDED = {
    "ANNOTATION_DOCUMENT": {"AUTHOR", "DATE", "FORMAT", "VERSION"},
    "MEDIA_DESCRIPTOR": {"MEDIA_URL", "MIME_TYPE"},
    "TIME_SLOT": {"TIME_SLOT_ID", "TIME_VALUE"},
    "TIER": {"TIER_ID", "LINGUISTIC_TYPE_REF"},
    "ALIGNABLE_ANNOTATION": {"ANNOTATION_ID", "TIME_SLOT_REF1", "TIME_SLOT_REF2"},
    "LINGUISTIC_TYPE": {"LINGUISTIC_TYPE_ID"},
    "LANGUAGE": {"LANG_ID"},
    "CONTROLLED_VOCABULARY": {"CV_ID"},
    "CV_ENTRY_ML": {"CVE_ID"},
    "CVE_VALUE": {"LANG_REF"},
}


def check_eaf(text: bytes) -> None:
    """The rules of the schema that what is written could break."""
    root = ET.fromstring(text)
    for element in root.iter():
        order = CHILDREN.get(element.tag, [])
        places = [order.index(child.tag) for child in element]
        assert places == sorted(places)
        assert NEEDED.get(element.tag, set()) <= set(element.attrib)
    slots = {s.get("TIME_SLOT_ID"): int(s.get("TIME_VALUE", "")) for s in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    notes = list(root.iter("ALIGNABLE_ANNOTATION"))
    ids = [*slots, *(note.get("ANNOTATION_ID") for note in notes)]
    tiers = [tier.get("TIER_ID") for tier in root.iter("TIER")]
    values = {e.get("CVE_ID"): e.findtext("CVE_VALUE") for e in root.iter("CV_ENTRY_ML")}
    assert len(set(ids)) == len(ids)
    assert len(set(tiers)) == len(tiers)
    for note in notes:
        first, last = (slots[note.get(f"TIME_SLOT_REF{i}")] for i in (1, 2))
        assert first < last
        assert values[note.get("CVE_REF")] == note.findtext("ANNOTATION_VALUE")


@settings(max_examples=12, deadline=None)
@given(results())
def test_any_result_is_read_back(tmp_path_factory: pytest.TempPathFactory, result: Result) -> None:
    folder = tmp_path_factory.mktemp("any")
    clips = {clip.file: clip for clip in tiers_of(result)}
    timed = {file: clip for file, clip in clips.items() if clip.end > 0}
    for format in READERS:
        write_all(result, folder, format)
    for file, name in names_of(timed).items():
        expected = spans(timed[file])
        assert read_elan(folder, name) == expected
        check_eaf((folder / f"{name}.eaf").read_bytes())
        grid = read_textgrid(folder, name)
        assert grid == (expected or {"Clip": []})
        assert read_boris(folder, name) == {k: sorted(v) for k, v in expected.items() if v}
        shown = {tier.name: spans_of(tier) for tier in timed[file].tiers if tier.windows}
        assert read_vtt(folder, name) == shown
    for file, name in names_of(clips).items():
        expected = {k: v for k, v in spans(clips[file]).items() if v}
        if expected:
            assert read_bids(folder, name) == expected
    database = audformat.Database.load(folder / "audformat")
    n = sum(len(database[table]) for table in database.tables if table != "files")
    assert n == sum(len(tier.stretches) for clip in clips.values() for tier in clip.tiers)


def spans_of(tier: Any) -> list[tuple[int, int, str]]:
    return [(s.start, s.end, s.label) for s in tier.stretches]


def spans(clip: ClipTiers) -> Tiers:
    return {tier.name: spans_of(tier) for tier in clip.every}


def test_a_result_without_clips_and_one_without_labels(tmp_path: Path) -> None:
    empty = Result((), (FileStatus("a.mp4", "error", "broken"),))
    names = {format: [f.name for f in write_all(empty, tmp_path, format)] for format in READERS}
    assert names == {
        "elan": [], "textgrid": [], "vtt": [], "bids": [], "boris": ["results.boris"],
        "audformat": ["db.yaml", "db.files.csv"],
    }  # fmt: skip
    assert list(audformat.Database.load(tmp_path / "audformat").tables) == ["files"]
    nothing = {"face_found": False, "sound_found": None, "probabilities": (1 / 7,) * 7}
    row = RESULT.rows[-1]
    unlabelled = Result((row.__class__(**(vars(row) | nothing)),))
    for format in ("elan", "textgrid", "vtt", "bids"):
        write_all(unlabelled, tmp_path, format)
    assert read_elan(tmp_path, "song") == read_textgrid(tmp_path, "song") == {"Clip": []}
    assert read_vtt(tmp_path, "song") == {}
    table = list(csv.reader(io.StringIO((tmp_path / "song_events.tsv").read_text()), "excel-tab"))
    assert len(table) == 1


def test_one_file_by_itself(tmp_path: Path) -> None:
    one = Result(tuple(row for row in RESULT.rows if row.file == SONG))
    assert write(one, tmp_path / "x.vtt", "vtt").read_bytes().startswith(b"WEBVTT\n\nNOTE\n")
    assert write(one, tmp_path / "x.tsv", "bids").read_text().startswith("onset\tduration\t")
    for format in ("vtt", "elan", "textgrid", "bids", "audformat"):
        with pytest.raises(ParameterError, match="write_all"):
            write(RESULT, tmp_path / "y", format)


def test_names_by_bids_keep_their_entities(tmp_path: Path) -> None:
    def of(*files: str) -> list[str]:
        row = RESULT.rows[-1]
        rows = tuple(row.__class__(**(vars(row) | {"file": file})) for file in files)
        return [f.name for f in write_all(Result(rows), tmp_path, "bids") if f.suffix == ".tsv"]

    assert of("sub-01_task-talk_run-1_video.mp4") == ["sub-01_task-talk_run-1_events.tsv"]
    assert of("sub-01_task-talk.mp4") == ["sub-01_task-talk_events.tsv"]
    assert of("sub-01_task-a_video.mp4", "sub-01_task-a_audio.wav") == [
        "sub-01_task-a_video_events.tsv", "sub-01_task-a_audio_events.tsv",
    ]  # fmt: skip


def test_long_times(tmp_path: Path) -> None:
    hour = 25 * 3600 + 61.5
    row = RESULT.rows[-1]
    late = Result(
        tuple(row.__class__(**(vars(row) | {"start": hour, "end": hour + 1, "level": level}))
              for level in ("window", "clip"))
    )  # fmt: skip
    for format in READERS:
        write_all(late, tmp_path, format)
    span = (ms(hour), ms(hour) + 1000, "sad")
    for format, read in READERS.items():
        assert read(tmp_path, "song")["Audio"] == [span], format
