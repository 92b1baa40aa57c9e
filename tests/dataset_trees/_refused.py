"""What tests of readers ask of a refusal, and of a file that was dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from emonets.datasets import Dataset, open_dataset
from emonets.errors import DataError


def refused(path: Path, layout: str | None = None) -> str:
    """The message of the refusal, one line."""
    with pytest.raises(DataError) as error:
        open_dataset(path, layout)
    message = str(error.value)
    assert len(message.splitlines()) == 1
    assert str(path) in message
    return message


def reason(dataset: Dataset, name: str) -> str:
    """Why a file was dropped."""
    return next(one.why for one in dataset.dropped if one.path.name == name)


def replaced(file: Path, old: str, new: str) -> None:
    content = file.read_text(encoding="utf-8")
    assert old in content
    file.write_text(content.replace(old, new, 1), encoding="utf-8")
