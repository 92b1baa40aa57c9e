"""The option --contain: the same numbers, out of a process of its own."""

from __future__ import annotations

import json
import sys

import pytest

from command_line import runner
from emonets.cli.clips import contained_for
from emonets.cli.clips import contains as decides


def test_numbers_are_those_of_this_process(happy, tmp_path, monkeypatch, capsys):
    run = runner(monkeypatch, capsys)
    (tmp_path / "text.mp4").write_text("text")
    made = []
    for option in ("--contain", "--no-contain"):
        code, out, err = run(
            "predict", happy, tmp_path / "text.mp4", "--format", "json", "--limit", "duration=0.4",
            option,
        )  # fmt: skip
        assert code == 1
        assert "is text, not media" in err
        made.append(json.loads(out))
    assert made[0] == made[1]
    assert made[0]["rows"]


def test_what_is_read_in_a_process_of_its_own():
    assert decides(2, 1, "cpu")
    assert decides(1, 1, "cpu") == (sys.platform == "linux")
    assert not decides(0, 1, "cpu")
    assert not decides(9, 2, "cpu")
    assert not decides(9, 1, "cuda")


@pytest.mark.parametrize(("wanted", "workers"), [(False, 1), (True, 2)])
def test_no_process_where_there_is_none_to_be(wanted, workers):
    with contained_for(wanted, 3, workers, "cpu", bundle="modern") as contained:
        assert contained is None
