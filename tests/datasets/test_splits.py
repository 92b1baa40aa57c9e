"""What the data keep for testing is not trained on, however its owner spells the word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from command_line import Run, runner
from emonets.bundle import read_bundle
from emonets.datasets.splits import is_split, require_split, split_of
from emonets.errors import DataError

Make = Callable[[Path, str], Path]
LENGTH = 1.2
"""Seconds of a clip: what is trained on matters here, not how well."""
FAST = Path(__file__).parents[1] / "fast_system.toml"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CLIPS = {"angry": EXAMPLES / "1001_DFA_ANG_XX.flv", "happy": EXAMPLES / "1001_DFA_HAP_XX.flv"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("words", "split"),
    [
        (("train", "Train", " TRAINING ", "training"), "train"),
        (("val", "Valid", "validation", "Dev", "PublicTest", "development"), "valid"),
        (("test", "Test", "TESTING", "PrivateTest", "holdout"), "test"),
        (("", None, "  "), ""),
    ],
)
def test_words_for_parts(words: tuple[str | None, ...], split: str) -> None:
    assert {split_of(word) for word in words} == {split}
    assert {require_split(word, "x") for word in words} == {split}


def test_an_unknown_word_names_the_nearest() -> None:
    assert split_of("tset") is None
    assert not is_split("happy")
    with pytest.raises(DataError, match=r"a\.csv: split 'tets' must be one of .* is 'test'"):
        require_split("tets", "a.csv")


def tree(root: Path, test: str) -> Path:
    """Three people to train on, and a fourth in a folder to test on if it has a name."""
    for word, people in (("Train", "abc"), (test, "d")):
        for label, clip in CLIPS.items():
            for person in people if word else "":
                place = root / word / label / person
                place.mkdir(parents=True)
                remux(clip, place / f"{label}{person}.flv", person)
    return root


def remux(clip: Path, copy: Path, title: str) -> None:
    """The first second's pictures and sound in a file of other content: copies are refused."""
    with av.open(str(clip)) as source, av.open(str(copy), "w") as target:
        target.metadata["title"] = title
        streams = {s.index: target.add_stream_from_template(s, opaque=True) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None and packet.dts * packet.time_base < LENGTH:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)


def table(root: Path, test: str) -> Path:
    """The same as a manifest."""
    lines = ["path,label,group,split"]
    for word, people in (("Train", "abc"), (test, "d")):
        for label, clip in CLIPS.items():
            for person in people if word else "":
                file = root / f"{label}{person}.flv"
                root.mkdir(parents=True, exist_ok=True)
                remux(clip, file, person)
                lines.append(f"{file.name},{label},{person},{word}")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    return root / "manifest.csv"


def weights(bundle: Path) -> dict[str, np.ndarray]:
    return {
        f"{part}/{name}": array
        for part, arrays in read_bundle(bundle).arrays.items()
        for name, array in arrays.items()
    }


@pytest.mark.parametrize(
    ("command", "make", "test"),
    [
        ("all", tree, "Test"), ("audio", table, "TESTING"), ("activity", table, "Test"),
        ("mouth", table, "PrivateTest"),
    ],
)  # fmt: skip
def test_no_command_trains_on_test(
    run: Run, tmp_path: Path, command: str, make: Make, test: str
) -> None:
    arrays = []
    for name, word in (("with", test), ("without", "")):
        data = make(tmp_path / name / "data", word)
        out = tmp_path / name / "bundle"
        more = () if command == "all" else ("--no-score",)
        code, _, err = run("train", command, data, "--out", out, "--preset", FAST, *more)
        assert code == 0, err
        arrays.append(weights(out))
    assert arrays[0].keys() == arrays[1].keys()
    for key, array in arrays[0].items():
        np.testing.assert_array_equal(array, arrays[1][key], err_msg=key)
