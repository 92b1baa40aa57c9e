"""The command ``export``: from what ``predict`` keeps to files for other programs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from command_line import Run, runner
from emonets.batch import write_outputs
from emonets.errors import DataError
from emonets.export import write_all
from emonets.export.tables import TableOptions
from emonets.kept import kept_results
from emonets.result import FileStatus, PersonSeen, Result
from made_exports import BROKEN, PHOTO, RESULT, SONG, TALK

STEM = "Täl&k _1_"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


def keep(folder: Path, result: Result = RESULT, form: str = "csv") -> Path:
    """A folder as ``predict --out`` leaves it."""
    for i, status in enumerate(result.files):
        rows = tuple(row for row in result.rows if row.file == status.file)
        if rows:
            about = {**result.about, "key": "0"}
            persons = tuple(own for own in result.persons if own.file == status.file)
            one = Result(rows, (status,), about, persons)
            one.to_json(folder / "clips" / f"{9 - i}.json")
    write_outputs(folder, result, form)
    return folder


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_folder_of_predict(run: Run, tmp_path: Path, form: str) -> None:
    kept = keep(tmp_path / "kept", form=form)
    out = tmp_path / "out"
    code, text, err = run(
        "export", kept, "--format", "elan, vtt", "--format", "boris", "--out", out
    )
    assert (code, text) == (1, "")  # a file without predictions
    assert sorted(file.name for file in out.iterdir()) == sorted(
        [f"{STEM}.eaf", f"{STEM}.vtt", "song.eaf", "song.vtt", "results.boris"]
    )
    assert f"elan: 2 files: {out}" in err
    assert f"boris: 1 file: {out / 'results.boris'}" in err
    assert err.count(f"pictures have no time and are left out: {PHOTO}") == 3
    assert f"error: there are no predictions to write of: {BROKEN}" in err
    direct = tmp_path / "direct"
    for name in ("vtt", "textgrid"):
        write_all(RESULT, direct, name)
    assert (out / f"{STEM}.vtt").read_bytes() == (direct / f"{STEM}.vtt").read_bytes()


def test_one_file_of_json(run: Run, tmp_path: Path) -> None:
    good = replace(RESULT, files=tuple(s for s in RESULT.files if s.status == "ok"))
    good.to_json(tmp_path / "r.json")
    code, _, err = run("export", tmp_path / "r.json", "--format", "bids", "--out", tmp_path)
    assert (code, "error" in err) == (0, False)
    assert (tmp_path / "song_events.tsv").is_file()


def test_clips_of_one_name_get_two_files(run: Run, tmp_path: Path) -> None:
    row = RESULT.rows[-1]
    for day in "12":
        name = f"day{day}/a.wav"
        Result((replace(row, file=name),), (FileStatus(name, "ok"),)).to_json(tmp_path / day)
    words = ("export", tmp_path / "1", tmp_path / "2", "--format", "vtt", "--out", tmp_path / "out")
    code, _, err = run(*words)
    assert (code, err.count("error")) == (0, 0)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "day1_a.wav.vtt", "day2_a.wav.vtt",
    }  # fmt: skip
    code, _, err = run(*words[:2], tmp_path / "1", *words[3:])
    assert code == 2
    assert "error: day1/a.wav: is in two of the results" in err


def test_the_last_run_is_exported(tmp_path: Path) -> None:
    """Clips of an earlier run lie in the same folder; so may its results.json."""
    kept = keep(tmp_path, form="json")
    song = Result(RESULT.rows[-1:], RESULT.files[-1:], RESULT.about)
    write_outputs(kept, song, "csv")
    assert kept_results(kept) == song
    write_outputs(kept, song, "csv", TableOptions(separator=";", decimal=",", bom=True))
    assert kept_results(kept) == song
    (kept / "status.csv").unlink()
    (kept / "results.json").unlink()
    assert {status.file for status in kept_results(kept).files} == {TALK, PHOTO, SONG}
    status = "file,status,message\nlost.mp4,ok,\n"
    (kept / "status.csv").write_text(status)
    with pytest.raises(DataError, match=r"the kept result of lost.mp4 is missing; run emonets"):
        kept_results(kept)


@pytest.mark.parametrize("later", ["clips/0.json", "results.csv"])
def test_results_of_other_options_are_not_exported(tmp_path: Path, later: str) -> None:
    """The same files with the same statuses, but a later run had other windows."""
    song = Result(RESULT.rows[-1:], RESULT.files[-1:])
    other = Result((replace(song.rows[0], end=1.0),), song.files)
    keep(tmp_path, other, "json")
    assert kept_results(tmp_path) == other
    for file in (tmp_path / "clips").iterdir():
        file.unlink()
    song.to_json(tmp_path / "clips" / "0.json")
    (tmp_path / "results.csv").touch()
    whole = (tmp_path / "results.json").stat().st_mtime_ns
    for file in (tmp_path / "clips" / "0.json", tmp_path / "results.csv"):
        newer = whole + 10**9 * (1 if file == tmp_path / later else -1)
        os.utime(file, ns=(newer, newer))
    assert kept_results(tmp_path) == song


def test_numbers_of_the_same_people_are_common(tmp_path: Path) -> None:
    def of(file: str, *persons: int) -> Result:
        rows = tuple(
            replace(RESULT.rows[0], file=file, person=n, track=n, start=0.0, end=1.0)
            for n in persons
        )
        seen = tuple(
            PersonSeen(file, n, (n,), np.zeros(1), np.zeros((1, 4)), 1.0, b"",
                       np.eye(128, dtype=np.float32)[3 - n], 9)
            for n in persons
        )  # fmt: skip
        return Result(rows, (FileStatus(file, "ok"),), {}, seen)

    both = Result.concatenate([of("a.mp4", 1), of("b.mp4", 0, 1)])
    kept = kept_results(keep(tmp_path, both))
    assert [(row.file, row.person) for row in kept.rows] == [
        ("a.mp4", 0), ("b.mp4", 1), ("b.mp4", 0),
    ]  # fmt: skip
    assert all(own.embedding is None for own in kept.persons)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no such file or folder"),
        ("", "no results.json and no clips that emonets predict --out keeps"),
        ("[]", "not a result in JSON"),
        ('{"schema": "x"}', "not a result in JSON"),
        ("\udcff", "cannot be read"),
    ],
)
def test_what_is_no_result(run: Run, tmp_path: Path, content: str | None, reason: str) -> None:
    place = tmp_path / "r"
    if content == "":
        place.mkdir()
    elif content is not None:
        place.write_bytes(content.encode("utf-8", "surrogateescape"))
    code, _, err = run("export", place, "--format", "vtt", "--out", tmp_path / "out")
    assert (code, err.count("\n")) == (1, 1)
    assert f"error: {place}: " in err
    assert reason in err
    assert not (tmp_path / "out").exists()


def test_clips_that_are_not_normalised_yet_are_refused(tmp_path: Path) -> None:
    one = Result(RESULT.rows[-1:], RESULT.files[-1:], {"unfused": {}})
    one.to_json(tmp_path / "clips" / "a.json")
    with pytest.raises(DataError, match=r"normalised together .* --format json"):
        kept_results(tmp_path)


def test_wrong_formats(run: Run, tmp_path: Path) -> None:
    for name, reason in (("eln", "did you mean 'elan'?"), (",", "--format is empty")):
        code, _, err = run("export", tmp_path, "--format", name, "--out", tmp_path / "out")
        assert code == 2
        assert reason in err
    code, _, err = run("export", tmp_path, "--format", "csv", "--out", __file__)
    assert code == 1


@pytest.mark.parametrize("form", ["vtt", "boris", "audformat"])
def test_predict_needs_a_folder_for_files(run: Run, form: str) -> None:
    code, out, err = run("predict", "no.mp4", "--format", form)
    assert (code, out) == (2, "")
    assert f"error: {form} makes files: give --out FOLDER" in err


def test_predict_writes_a_file_a_clip(
    run: Run, happy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emonets.batch.predict_many", lambda *_, **__: RESULT)
    code, out, err = run("predict", happy, "--format", "vtt", "--out", tmp_path)
    assert (code, out) == (1, "")  # of the broken file
    assert f"results: {tmp_path}" in err
    assert f"note: vtt: pictures have no time and are left out: {PHOTO}" in err
    names = {file.name for file in tmp_path.iterdir()}
    assert {f"{STEM}.vtt", "song.vtt", "status.csv"} <= names
    assert "results.vtt" not in "".join(names) + (tmp_path / "codebook.txt").read_text("utf-8")
