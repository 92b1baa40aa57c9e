"""``emonets predict --annotate``, with made-up predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from command_line import runner
from emonets.media.clip import open_clip
from emonets.result import Result
from made_results import film
from media_files import write_media


def test_films_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_media(tmp_path / folder / "a.mp4", stamps=[0, 40, 80])
    write_media(tmp_path / "one" / "b.wav", video=None, audio="pcm_s16le")

    def made(clips: list[Path], **_: Any) -> Result:
        return Result.concatenate(film(str(clip), 1.0, 0.5) for clip in clips)

    monkeypatch.setattr("emonets.batch.predict_many", made)
    run = runner(monkeypatch, capsys)
    out = tmp_path / "films"
    code, _, err = run("predict", tmp_path / "one", tmp_path / "two", "--annotate", out)
    assert code == 1  # the sound has no pictures; the films are there
    assert "b.wav: has no pictures" in err
    assert f"2 files in {out}" in err
    films = sorted(out.iterdir())
    assert [path.name for path in films] == ["one_a.mp4.mp4", "two_a.mp4.mp4"]
    assert all(open_clip(path).info.has_frames for path in films)


def test_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runner(monkeypatch, capsys)
    film_ = write_media(tmp_path / "a.mp4", stamps=[0])
    code, _, err = run("predict", film_, "--annotate", film_)
    assert code == 2
    assert "--annotate" in err
    assert "choose another folder" in err
    code, _, err = run("predict", film_, "--annotate", tmp_path / "b", "--crops", tmp_path)
    assert (code, "leave --crops out" in err) == (2, True)
    code, _, err = run("predict", film_, "--annotate", tmp_path)
    assert (code, "is the folder of a.mp4" in err) == (2, True)
