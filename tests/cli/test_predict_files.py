"""Which files ``emonets predict`` reads, and how: folders, rates, streams and limits."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import cv2
import pandas as pd
import pytest

import emonets
from command_line import Run, runner
from emonets.errors import MediaError, ParameterError
from emonets.media.clip import Limits, open_clip
from heif_files import TILES


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    every = runner(monkeypatch, capsys)

    def call(*words: object) -> tuple[int, str, str]:
        return every("predict", *words, "--models", "face", "--quiet")

    return call


@pytest.fixture
def frames(tmp_path: Path, happy: Path) -> Path:
    """Three frames, their numbers ten apart."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for frame in open_clip(happy).frames():
        if frame.index < 3:
            cv2.imwrite(str(folder / f"f_{10 * frame.index:04}.png"), frame.image[:, :, ::-1])
    return folder


def test_a_rate_gives_times(run: Run, frames: Path) -> None:
    code, out, err = run(frames, "--frames", "--fps", "2", "--format", "csv")
    assert code == 0
    table = pd.read_csv(io.StringIO(out))
    assert table[table.level == "frame"].start.tolist() == [0, 5, 10]
    assert "read as a film" not in err
    code, out, err = run(frames, "--frames", "--format", "csv")
    table = pd.read_csv(io.StringIO(out))
    assert table[table.level == "frame"].start.tolist() == [0, 0.4, 0.8]
    assert "3 images, numbered in steps of 10, are read as a film at 25 numbers" in err


def test_photographs_are_stills_and_the_rest_is_counted(
    run: Run, frames: Path, tmp_path: Path
) -> None:
    for i, path in enumerate(sorted(frames.iterdir())):
        path.rename(frames / f"IMG_{1201 + i}.png")
    shutil.copy(TILES, frames / "IMG_1300.heic")
    (frames / "IMG_1201.AAE").write_text("x")
    code, out, err = run(frames, "--format", "json")
    assert code == 0
    content = json.loads(out)
    assert len(content["files"]) == 4
    assert content["about"]["passed_over"] == {str(frames): {".aae": 1}}
    assert "passed over 1 file: 1 .aae" in err
    assert "are read as stills" in err
    result = emonets.load().predict(frames, models=["face"])
    assert result.about["passed_over"] == content["about"]["passed_over"]
    assert {row.label for row in result.rows if row.file.endswith("heic")} == {"happy"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--limit", "size=3"), "--limit takes NAME=NUMBER with one of pixels"),
        (("--limit", "pixels=none"), "--limit pixels: needs a number above 0"),
        (("--fps", "0"), "fps=0.0: must be above 0"),
        (("--fps", "5"), "no path is one"),
        (("--video-stream", "-1"), "video_stream=-1: must be 0 or above"),
    ],
)
def test_wrong_options_are_one_sentence(
    run: Run, happy: Path, words: tuple[str, ...], message: str
) -> None:
    code, out, err = run(happy, *words)
    assert code == 2
    assert out == ""
    assert message in " ".join(err.split())
    assert "Traceback" not in err


def test_limits_are_kept(run: Run, happy: Path) -> None:
    code, out, err = run(happy, "--limit", "duration=0.5", "--limit", "frames=5", "--format", "csv")
    assert code == 1
    assert "the rest was not read: it is beyond the limits" in err
    assert pd.read_csv(io.StringIO(out)).end.max() < 0.6
    code, _, err = run(happy, "--limit", "pixels=1000")
    assert code == 1
    assert "more than the limit of 1000" in " ".join(err.split())
    with pytest.raises(MediaError, match="more than the limit of 1000"):
        emonets.load().predict(happy, limits=Limits(max_pixels=1000))


def test_streams_by_number(run: Run, happy: Path) -> None:
    code, _, _ = run(happy, "--video-stream", "0")
    assert code == 0
    code, _, err = run(happy, "--video-stream", "1")
    assert code == 1
    assert "has no picture stream 1; it has 0 (480x360" in " ".join(err.split())
    with pytest.raises(ParameterError, match="video_stream"):
        emonets.load().predict(happy, video_stream=-1)
    with pytest.raises(MediaError, match="no sound stream 3"):
        emonets.load().predict(happy, audio_stream=3)
