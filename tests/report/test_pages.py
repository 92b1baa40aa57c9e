"""Pages of a report without a browser: their data, their policy, and edits that are read again."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from made_report import ABOUT, EVIL, made_clips, no_face, no_voice, person, two_persons

from emonets.errors import ParameterError
from emonets.report.data import clip_data, digest_of, index_data, parts_of
from emonets.report.edits import edits_by_clip, read_edits
from emonets.report.film import NO_FILM, frame_times, place_film
from emonets.report.method import method_text
from emonets.report.page import (
    CLIP_SCRIPTS,
    INDEX_SCRIPTS,
    VENDORED,
    asset,
    clip_page,
    index_page,
)
from emonets.report.write import write_report
from emonets.result import FileStatus, Result
from media_files import write_media

NOTICE = Path(__file__).parents[2] / "NOTICE"


def data_of(page: str) -> Any:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    return json.loads(found)


def test_files_of_others_are_those_of_their_package() -> None:
    assets = files("emonets.report").joinpath("assets")
    for name, digest in VENDORED.items():
        assert hashlib.sha256(assets.joinpath(*name.split("/")).read_bytes()).hexdigest() == digest
        assert digest in NOTICE.read_text("utf-8")
    there = {f"vendor/{file.name}" for file in assets.joinpath("vendor").iterdir()}
    assert there == set(VENDORED)


def test_scripts_can_stand_in_a_page_and_load_nothing() -> None:
    for name in {*CLIP_SCRIPTS, *INDEX_SCRIPTS}:
        text = asset(name)
        # a page of the local server saves edits there; one on a disk has no such address
        text = text.replace("await fetch(data.save, {", "")
        assert "</script" not in text.lower()
        assert "<!--" not in text
        for word in ("fetch(", "XMLHttpRequest", "eval(", "innerHTML =", "import("):
            assert word not in text or name in VENDORED, (name, word)


def test_an_evil_name_is_data_and_no_markup() -> None:
    result = no_face(f"/home/me/{EVIL}")
    page = clip_page(clip_data(result, NO_FILM))
    assert "<img src=x" not in page
    assert data_of(page)["file"] == EVIL
    assert "/home/me" not in page
    index = index_page(index_data(parts_of(result), {}, {}))
    assert "<img src=x" not in index
    assert data_of(index)["clips"][0]["file"] == EVIL


def test_the_policy_allows_the_scripts_of_the_page_only() -> None:
    page = clip_page(clip_data(no_face("a.mp4"), NO_FILM))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy.count("sha256-") == len(CLIP_SCRIPTS) + 1
    assert not re.findall(r"<(?:link|iframe|script src|object)", page)


def test_data_hold_the_rows_of_windows_and_the_shown_ones() -> None:
    result = two_persons("a.mp4")
    data = clip_data(result, NO_FILM)
    assert data["sources"] == ["face+audio", "face", "audio"]
    assert (len(data["rows"]), len(data["shown"])) == (14, 6)
    first = dict(zip(data["fields"], data["shown"][0], strict=False))
    assert (first["person"], first["start"], first["label"]) == (0, 0.0, "happy")
    assert data["shown"][0][len(data["fields"]) :] == pytest.approx(
        [round(p, 4) for p in result.rows[2].probabilities]
    )
    assert data["persons"][1]["boxes"][0] == [90, 20, 130, 60]
    assert (data["no_face"], data["no_voice"]) == (False, False)
    assert clip_data(no_face("a"), NO_FILM)["no_face"]
    assert clip_data(no_voice("a"), NO_FILM)["no_voice"]


def test_a_clip_of_one_window_has_every_source() -> None:
    data = clip_data(no_voice("a.mp4"), NO_FILM)
    assert len(data["rows"]) == 1
    whole = replace(no_voice("a.mp4").rows[-1], model="audio")
    result = no_voice("a.mp4")
    both = Result((*result.rows, whole), result.files, ABOUT, result.persons)
    assert clip_data(both, NO_FILM)["sources"] == ["face", "audio"]


def test_the_method_names_what_a_paper_needs() -> None:
    text = method_text(two_persons("a.mp4"))
    for part in (
        "EmoNets 0.1.0", "bundle modern", "abababababab", "face+audio", "4 windows of 1 s",
        "no threshold", "2 persons were followed", "90% (person 0)", "not smoothed",
    ):  # fmt: skip
        assert part in text


def test_the_digest_changes_with_what_edits_rest_on() -> None:
    result = two_persons("a.mp4")
    assert digest_of(result) == digest_of(two_persons("other/b.mp4"))
    assert digest_of(result) != digest_of(replace(result, rows=result.rows[1:]))
    less = replace(result, persons=result.persons[:1])
    assert digest_of(result) != digest_of(less)


def edits_of(result: Result, **changes: Any) -> dict[str, Any]:
    return {
        "schema": "emonets.edits", "version": 1, "file": Path(result.files[0].file).name,
        "result": digest_of(result), "names": {"0": "Ann"},
        "people": [{"op": "merge", "from": 1, "into": 0},
                   {"op": "split", "person": 0, "at": 1.5, "new": 2}],
        "excluded": [{"start": 0.0, "end": 1.0}], "events": [{"time": 2, "name": ""}], **changes,
    }  # fmt: skip


def test_edits_come_back(tmp_path: Path) -> None:
    edits = edits_of(two_persons("a.mp4"))
    (tmp_path / "e.json").write_text(json.dumps(edits))
    assert read_edits(tmp_path / "e.json") == edits


@pytest.mark.parametrize(
    "changes",
    [
        {"names": {"0": "x" * 81}}, {"names": {"a": "x"}}, {"names": []}, {"file": None},
        {"people": [{"op": "split", "person": 0, "at": float("nan"), "new": 2}]},
        {"people": [{"op": "merge", "from": True, "into": 0}]}, {"people": [{"op": "drop"}]},
        {"people": "merge"}, {"excluded": [{"start": 2, "end": 1}]},
        {"events": [{"time": "<b>", "name": ""}]}, {"events": [3]}, {"more": 1},
        {"schema": "other"}, {"version": 2},
    ],
)  # fmt: skip
def test_other_files_are_refused_with_their_name(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = tmp_path / "e.json"
    path.write_text(json.dumps(edits_of(two_persons("a.mp4"), **changes)))
    with pytest.raises(ParameterError, match=r"e\.json: "):
        read_edits(path)


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, "\x00", '{"schema": 1}'])
def test_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(ParameterError, match="save it from the page again"):
        read_edits(tmp_path / "e.json")
    with pytest.raises(ParameterError, match="cannot be read"):
        read_edits(tmp_path)


def test_edits_of_another_clip_or_result_are_named() -> None:
    result = two_persons("day1/a.mp4")
    parts = parts_of(result)
    own = edits_of(result)
    assert edits_by_clip({"e": own}, parts) == ({"day1/a.mp4": own}, [])
    _, problems = edits_by_clip({"e": {**own, "file": "b.mp4"}}, parts)
    assert "e: these edits are of b.mp4, which is not among the clips" in problems[0]
    _, problems = edits_by_clip({"e": {**own, "result": "0"}}, parts)
    assert "another result of a.mp4" in problems[0]
    found, problems = edits_by_clip({"e": own, "f": own}, parts)
    assert len(found) == 1
    assert "two files of edits" in problems[0]


def test_a_report_has_a_page_for_each_clip_that_has_rows(tmp_path: Path) -> None:
    result = made_clips(tmp_path)
    index, problems = write_report(result, tmp_path / "out")
    assert not problems
    clips = data_of(index.read_text("utf-8"))["clips"]
    assert [clip["status"] for clip in clips] == ["ok", "no face", "ok", "error"]
    assert clips[3]["page"] is None
    for clip in clips[:3]:
        folder = (tmp_path / "out" / clip["page"].replace("%20", " ").replace("%3D", "=")
                  .replace("%28", "(").replace("%29", ")")).parent  # fmt: skip
        film = data_of((folder / "index.html").read_text("utf-8"))["film"]
        assert film["kind"] == "film"
        assert (folder / film["src"]).is_file()
    assert film["src"] == "film.webm"
    assert film["sound"] is None


def test_a_second_run_uses_the_film_again(tmp_path: Path) -> None:
    film = write_media(tmp_path / "a.mp4", size=(64, 48))
    first = place_film(film, tmp_path / "out")
    kept = tmp_path / "out" / "film.json"
    stamp = kept.stat().st_mtime_ns
    assert place_film(film, tmp_path / "out") == first
    assert kept.stat().st_mtime_ns == stamp
    (tmp_path / "out" / first[0]["src"]).unlink()
    assert place_film(film, tmp_path / "out") == first
    write_media(film, size=(80, 48))
    assert place_film(film, tmp_path / "out")[0]["width"] == 80


def test_a_clip_that_is_gone_has_a_page_without_a_film(tmp_path: Path) -> None:
    result = no_voice(str(tmp_path / "gone.mp4"))
    index, problems = write_report(result, tmp_path / "out")
    assert not problems
    (page,) = index.parent.glob("clips/*/index.html")
    film = data_of(page.read_text("utf-8"))["film"]
    assert (film["kind"], film["src"]) == ("none", "")
    assert "not where it was" in film["note"]


def test_a_damaged_film_costs_its_film_only(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"\x00" * 5000)
    parts = [no_voice(str(tmp_path / "bad.mp4")), no_voice(str(tmp_path / "gone.mp4"))]
    index, problems = write_report(Result.concatenate(parts), tmp_path / "out")
    assert "bad.mp4" in problems[0]
    assert len(list(index.parent.glob("clips/*/index.html"))) == 2


def test_times_of_frames_are_kept_where_they_are_uneven(tmp_path: Path) -> None:
    even = write_media(tmp_path / "a.mp4", stamps=range(0, 400, 40))
    step, times = frame_times(even)
    assert step == pytest.approx(0.04)
    assert not len(times)
    uneven = write_media(tmp_path / "b.mp4", stamps=(0, 40, 200, 240))
    assert frame_times(uneven)[1] == pytest.approx([0, 0.04, 0.2, 0.24])


def test_names_of_two_folders_do_not_meet(tmp_path: Path) -> None:
    parts = [
        Result(r.rows, (FileStatus(r.files[0].file, "ok"),), ABOUT, r.persons)
        for r in (no_voice("x/a#1 %.mp4"), no_voice("y/A#1 %.mp4"))
    ]
    index, _ = write_report(Result.concatenate(parts), tmp_path)
    pages = [clip["page"] for clip in data_of(index.read_text("utf-8"))["clips"]]
    assert len(set(map(str.casefold, pages))) == 2
    assert all("#" not in page and " " not in page for page in pages)


def test_a_person_without_windows_has_a_card() -> None:
    result = no_voice("a.mp4")
    more = replace(result, persons=(*result.persons, person("a.mp4", 1, 0, 1, 50.0)))
    card = index_data(parts_of(more), {}, {}, {"a.mp4": {"1": "Bob"}})["clips"][0]
    assert [one["name"] for one in card["persons"]] == ["Person 0", "Bob"]
    assert card["persons"][1]["shares"] == {}
