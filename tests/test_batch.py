"""Many clips: what is kept, what is done again, and how a clip that fails affects the others."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from emonets import batch
from emonets.batch import Options, predict_many
from emonets.errors import MediaError
from emonets.model import EmoNets
from emonets.result import FileStatus, Result, Row


@pytest.fixture
def clips(tmp_path: Path, happy: Path) -> list[Path]:
    folder = tmp_path / "clips"
    folder.mkdir()
    return [Path(shutil.copy(happy, folder / f"{name}.flv")) for name in "abc"]


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the predicted clips; predicting itself costs nothing."""
    names: list[str] = []

    def quick(self: EmoNets, path: Path, **_: object) -> Result:
        names.append(path.name)
        row = Row(str(path), None, 0.0, 1.0, True, "face", (1.0, *[0.0] * 6))
        return Result((row,), (FileStatus(str(path), "ok"),), {})

    monkeypatch.setattr(EmoNets, "predict_clip", quick)
    return names


def test_only_what_changed_is_done_again(
    clips: list[Path], predicted: list[str], tmp_path: Path
) -> None:
    def again(**options: Any) -> list[str]:
        predicted.clear()
        predict_many(clips, bundle="paper", folder=tmp_path / "out", options=Options(**options))
        return list(predicted)

    assert again() == ["a.flv", "b.flv", "c.flv"]
    assert again() == []
    os.utime(clips[1], ns=(1, 1))
    assert again() == ["b.flv"]
    assert len(again(stride=2)) == 3
    crops = tmp_path / "crops"
    crops.mkdir()
    (crops / "1.png").write_bytes(b"x")
    assert len(again(crops=str(crops))) == 3
    assert again(crops=str(crops)) == []
    (crops / "2.png").write_bytes(b"y")
    assert len(again(crops=str(crops))) == 3


def test_a_clip_that_changes_or_vanishes_meanwhile(
    clips: list[Path], predicted: list[str], tmp_path: Path
) -> None:
    first, second, third = clips

    def meddle(result: Result) -> None:
        if result.files[0].file == str(first):
            os.utime(second, ns=(1, 1))
            third.unlink()

    out = tmp_path / "out"
    result = predict_many(clips, bundle="paper", folder=out, on_clip=meddle)
    assert [status.status for status in result.files] == ["ok"] * 3  # none took the others along
    predicted.clear()
    predict_many([first, second], bundle="paper", folder=out)
    assert predicted == ["b.flv"]


def test_an_unexpected_error_is_one_clips_own(
    clips: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: EmoNets, path: Path, **_: object) -> Result:
        if path.name == "b.flv":
            raise ZeroDivisionError("surprise")
        if path.name == "c.flv":
            raise MediaError(path, "is gone", "copy it again")
        return Result((), (FileStatus(str(path), "ok"),), {})

    monkeypatch.setattr(EmoNets, "predict_clip", fails)
    result = predict_many(clips, bundle="paper")
    assert [status.status for status in result.files] == ["ok", "error", "error"]
    assert "surprise" in result.files[1].message
    assert result.files[2].message == "is gone; copy it again"


def test_a_worker_that_dies_takes_no_other_clip_along(
    clips: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(i: int, clip: Path, *_: object) -> tuple[int, Result]:
        if clip.name == "b.flv":
            os._exit(9)  # as the system does where memory runs out
        return i, Result((), (FileStatus(str(clip), "ok"),), {})

    monkeypatch.setattr(batch, "_numbered", dies)
    result = predict_many(clips, bundle="paper", workers=2)
    assert [Path(status.file).name for status in result.files] == ["a.flv", "b.flv", "c.flv"]
    assert [status.status for status in result.files] == ["ok", "error", "ok"]
    assert "ended without a result" in result.files[1].message
