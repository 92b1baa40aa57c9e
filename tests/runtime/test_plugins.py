"""Plug-ins: packages on the path, made by hand, as an installer leaves them."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emonets.errors import ParameterError
from emonets.runtime.plugins import EXPORTS, GROUPS, SWITCH, Plugins

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "plugin"

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a package on the path: its module's code and its entry points of exports."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def put(package: str, points: str, code: str = "") -> Path:
        module = package.replace("-", "_")
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{EXPORTS}]\n{points}\n")
        return tmp_path

    yield put
    for module in modules:
        sys.modules.pop(module, None)


def loaded(taken: tuple[str, ...] = ()) -> tuple[Plugins[str], list[str]]:
    """Plug-ins whose objects are texts, named by their first letter; some names are taken."""
    plugins = Plugins(EXPORTS, str, lambda text: text[:1])
    made: list[str] = []

    def add(text: str, package: str) -> None:
        if text[0] in taken:
            raise ParameterError("the name is taken")
        made.append(f"{text} of {package}")

    plugins.load(add)
    plugins.load(add)  # changes nothing
    return plugins, made


def test_without_packages_there_are_none() -> None:
    assert loaded()[1] == []


def test_an_entry_point_is_loaded(install: Install) -> None:
    install("one", "a = one:A\nb = one:B", "A = 'alpha'\nB = 'beta'")
    plugins, made = loaded()
    assert made == ["alpha of one 1.0", "beta of one 1.0"]
    assert plugins.package_of("a") == "one 1.0"
    assert [(p.name, p.target, p.fault) for p in plugins.found] == [
        ("a", "one:A", ""),
        ("b", "one:B", ""),
    ]


def test_nothing_is_imported_before_it_is_used(install: Install) -> None:
    install("late", "a = late:A", "A = 'alpha'")
    Plugins(EXPORTS, str, str.lower)
    assert "late" not in sys.modules


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module_here", "ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("A = 'alpha", "SyntaxError: "),
        ("", "AttributeError: "),
        ("A = 7", r"broken:A is no builtins.str"),
        ("A = 'xylophone'", "broken:A has another name, 'x'"),
    ],
)
def test_a_broken_one_gives_one_sentence_and_the_rest_works(
    install: Install, caplog: pytest.LogCaptureFixture, code: str, reason: str
) -> None:
    install("broken", "a = broken:A", code)
    install("sound", "b = sound:B", "B = 'beta'")
    with caplog.at_level(logging.WARNING, "emonets"):
        plugins, made = loaded()
    assert made == ["beta of sound 1.0"]
    (record,) = caplog.records
    text = record.getMessage()
    assert text.startswith("broken 1.0: its plug-in 'a' of emonets.exports is not used (")
    assert reason in text
    assert text.endswith("; update or uninstall the package")
    assert "\n" not in text
    assert plugins.fault_of("a") == text
    assert plugins.fault_of("b") == plugins.package_of("a") == ""


def test_a_name_of_ours_is_never_replaced(install: Install) -> None:
    install("thief", "a = thief:A", "A = 'alpha'")
    plugins, made = loaded(taken=("a",))
    assert made == []
    assert "the name is taken" in plugins.fault_of("a")


def test_of_two_with_one_name_neither_is_used(install: Install) -> None:
    install("one", "a = one:A", "A = 'alpha'")
    install("two", "a = two:A", "A = 'aleph'")
    plugins, made = loaded()
    assert made == []
    assert "several packages have this name: one 1.0, two 1.0" in plugins.fault_of("a")


def test_entry_points_that_cannot_be_read(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("garbled", "this is no entry point")
    install("sound", "b = sound:B", "B = 'beta'")
    with caplog.at_level(logging.WARNING, "emonets"):
        assert loaded()[1] == ["beta of sound 1.0"]
    (record,) = caplog.records
    assert "garbled-1.0.dist-info: its entry points cannot be read" in record.getMessage()


def test_they_can_be_turned_off(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("one", "a = one:A", "A = 'alpha'")
    monkeypatch.setenv(SWITCH, "off")
    assert loaded()[1] == []
    assert "one" not in sys.modules
    monkeypatch.setenv(SWITCH, "no")
    with pytest.raises(ParameterError, match="must be on or off, got 'no'"):
        loaded()


def run(code: str, folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """A program where the packages of a folder are installed."""
    path = os.pathsep.join(map(str, (folder, ROOT / "src", ROOT / "tests")))
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True, text=True, check=False, timeout=120, cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed by pip into a folder of its own, without network."""
    folder = tmp_path_factory.mktemp("site")
    words = ["install", "-q", "--no-deps", "--no-index", "--no-build-isolation", "--target"]
    subprocess.run(
        [sys.executable, "-m", "pip", *words, str(folder), str(EXAMPLE)], check=True, timeout=120
    )
    return folder


CODE = """
import sys
import emonets
assert "emonets_example" not in sys.modules and "importlib.metadata" not in sys.modules
from pathlib import Path
from emonets.contracts import specialist_kinds
from emonets.datasets import DATASETS, open_dataset
from emonets.export import write_all
from made_results import film
assert list(specialist_kinds()) == ["face", "audio", "activity", "mouth", "brightness"]
assert "emonets_example.brightness" not in sys.modules
specialist = specialist_kinds()["brightness"].call(
    "load", {"sharpness": 9.0}, {"brightness": {"centres": [0.0] * 7}}
)
assert specialist.name == "brightness"
folder = Path(sys.argv[1])
for word in ("joy", "rage", "pride"):
    (folder / f"plugin-anna-{word}.mp4").write_text("made up")
data = open_dataset(folder)
assert data.name == "example_corpus" and [item.group for item in data.items] == ["anna"] * 2
(file,) = write_all(film(), folder, "srt")
print(file.read_text())
from emonets.cli.main import main
sys.argv[1:] = ["plugins", "--json"]
main()
"""


def test_the_example_goes_the_whole_way(example: Path, tmp_path: Path) -> None:
    """Its specialist is loaded, its corpus is recognised, and its subtitles are written."""
    done = run(CODE, example, tmp_path)
    assert done.returncode == 0, done.stderr
    shown, _, listed = done.stdout.rpartition("\n\n")
    blocks = shown.rstrip().split("\n\n")
    assert blocks[0] == "1\n00:00:00,000 --> 00:00:05,000\nAudio: neutral"
    assert "00:00:15,000 --> 00:00:20,000\nPerson 0: sad" in shown
    assert [block.split("\n")[0] for block in blocks] == [str(n + 1) for n in range(len(blocks))]

    declared = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    assert set(declared) == set(GROUPS)
    expected = {(group, *point) for group, points in declared.items() for point in points.items()}
    found = json.loads(listed)
    assert {(p["group"], p["name"], p["target"]) for p in found} == expected
    assert {p["package"] for p in found} == {"emonets-example 0.1.0"}
    assert not any(p["fault"] for p in found)


FAULTY = """
from dataclasses import replace
from emonets.export.csv import WRITER as CSV
from emonets.datasets.readers.ravdess import READER
def fails(*args):
    raise RuntimeError("it is Sunday")
OURS = CSV
SAME_FILE = replace(CSV, name="better", ending="csv")
SUNDAY = replace(CSV, name="sunday", encode=fails)
CORPUS = replace(READER, info=replace(READER.info, name="sunday_corpus"), claims=fails)
RAVDESS = READER
from emonets.contracts import SpecialistKind
FACE = SpecialistKind("face", load="faulty:fails")
GONE = SpecialistKind("gone", load="faulty_part:load")
"""
POINTS = """[emonets.exports]
csv = faulty:OURS
better = faulty:SAME_FILE
sunday = faulty:SUNDAY
[emonets.readers]
sunday_corpus = faulty:CORPUS
ravdess = faulty:RAVDESS
[emonets.specialists]
face = faulty:FACE
gone = faulty:GONE
"""


CALLS = """
import sys
import emonets
from emonets.contracts import specialist_kind
from emonets.datasets import detect_dataset
from emonets.export import write, writer
for call in (
    lambda: writer("csv").encode.__module__,
    lambda: specialist_kind("gone").call("load"),
    lambda: write(emonets.Result(), "never.csv", "sunday"),
    lambda: writer("better"),
    lambda: detect_dataset(sys.argv[1]),
):
    try:
        print(call())
    except emonets.EmoNetsError as error:
        print(error)
from emonets.cli.main import main
sys.argv[1:] = ["plugins", "--json"]
main()
"""


def test_a_faulty_package_stops_nothing(install: Install, tmp_path: Path) -> None:
    folder = install("faulty", "", FAULTY)
    (folder / "faulty-1.0.dist-info" / "entry_points.txt").write_text(POINTS)
    clip = tmp_path / "clips" / "happy" / "a.mp4"
    clip.parent.mkdir(parents=True)
    clip.write_text("made up")
    done = run(CALLS, folder, tmp_path / "clips")
    assert done.returncode == 1  # that of `emonets plugins`
    csv, gone, sunday, better, layout, listed = done.stdout.splitlines()
    assert csv == "emonets.export.csv"
    assert "faulty 1.0: faulty_part:load of its specialist 'gone' cannot be imported" in gone
    assert sunday == (
        "faulty 1.0: its format 'sunday' cannot be written (RuntimeError: it is Sunday); "
        "update the package"
    )
    assert layout == "folders"
    assert "faulty 1.0: its reader 'sunday_corpus' cannot examine" in done.stderr
    assert done.stderr.count("faulty 1.0: its plug-in") == 4

    faults = {p["name"]: p["fault"] for p in json.loads(listed)}
    assert better == faults["better"]
    assert "the format 'csv' has the same file, results.csv" in better
    assert "EmoNets has a format of this name" in faults["csv"]
    assert "dataset 'ravdess' has two readers" in faults["ravdess"]
    assert "a specialist 'face' is registered already" in faults["face"]
    used = {name for name, fault in faults.items() if not fault}
    assert used == {"gone", "sunday_corpus", "sunday"}
