"""The work of others: the SBOM of the wheel, NOTICE, and the licence of every file."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PARTS: list[dict[str, Any]] = tomllib.loads((ROOT / "third_party.toml").read_text())["part"]
NOTICE = (ROOT / "NOTICE").read_text("utf-8")
SBOM = json.loads((ROOT / "sbom" / "emonets.cdx.json").read_text("utf-8"))
OURS = "BSD-3-Clause"


@pytest.fixture(scope="module")
def make_sbom() -> ModuleType:
    """The program that writes the SBOM."""
    spec = importlib.util.spec_from_file_location("make_sbom", ROOT / "tools" / "make_sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shipped() -> dict[str, Path]:
    """Files of the wheel that are no code of ours: name there → the file here."""
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    files = {
        path.relative_to(ROOT / "src").as_posix(): path
        for path in (ROOT / "src" / "emonets").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    return files | {inside: ROOT / here for here, inside in wheel["force-include"].items()}


def licence_of(path: Path) -> str:
    """By REUSE.toml: of the annotations that fit a file, the last one holds."""
    name = path.relative_to(ROOT).as_posix()
    tables = tomllib.loads((ROOT / "REUSE.toml").read_text())["annotations"]
    fitting = [
        table["SPDX-License-Identifier"]
        for table in tables
        for pattern in ([table["path"]] if isinstance(table["path"], str) else table["path"])
        if fnmatch(name, pattern.replace("**", "*"))
    ]
    return str(fitting[-1])


def in_sbom() -> dict[str, tuple[str, str]]:
    """Of each file in the SBOM its SHA-256 and the licence of its part."""
    return {
        file["name"]: (file["hashes"][0]["content"], part["licenses"][0]["expression"])
        for part in SBOM["components"]
        for file in part["components"]
    }


def test_the_sbom_is_that_of_the_files(make_sbom: ModuleType) -> None:
    assert (ROOT / "sbom" / "emonets.cdx.json").read_text("utf-8") == make_sbom.sbom(), (
        "run python tools/make_sbom.py"
    )
    files = shipped()
    for name, (digest, _) in in_sbom().items():
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == digest, name


def test_every_file_of_others_in_the_package_is_in_the_sbom() -> None:
    theirs = {name: licence for name, file in shipped().items()
              if (licence := licence_of(file)) != OURS}  # fmt: skip
    assert len(theirs) >= 9
    assert theirs == {name: licence for name, (_, licence) in in_sbom().items()}


def test_what_looks_like_the_work_of_others_has_a_licence_of_its_own() -> None:
    """A folder ``vendor``, minified files, and networks that belong to no bundle."""
    for name, file in shipped().items():
        alone = file.suffix == ".onnx" and file.parent.name == "weights"
        if alone or "/vendor/" in name or ".min." in name or "examples/" in name:
            assert licence_of(file) != OURS, f"add {name} to third_party.toml and REUSE.toml"


def test_a_changed_file_is_noticed(make_sbom: ModuleType) -> None:
    part = PARTS[0] | {"files": dict.fromkeys(PARTS[0]["files"], 64 * "0")}
    with pytest.raises(SystemExit, match=r"centerface.onnx is not there or has another SHA-256"):
        make_sbom.component(part)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part["name"])
def test_notice_has_the_same(part: dict[str, Any]) -> None:
    for path, digest in part["files"].items():
        assert path in NOTICE
        if not path.endswith(".flv"):
            assert digest in NOTICE
    assert part["home"] in NOTICE or part["name"] in ("uplot", "face_landmark_68")
    if "made_from" in part:
        assert part["version"] in NOTICE
        assert part["made_from"]["sha256"] in NOTICE


def test_notice_has_no_digest_that_is_wrong() -> None:
    """Each file of NOTICE with a SHA-256 on the next line."""
    found = re.findall(r"^.{13}(\S+/\S+\.\w+)(?: \(.*\))?\n {13}SHA-256 (\w{64})", NOTICE, re.M)
    ours = [(path, digest) for path, digest in found if (ROOT / path).is_file()]
    assert len(ours) >= 7
    for path, digest in ours:
        assert hashlib.sha256((ROOT / path).read_bytes()).hexdigest() == digest, path


def test_the_wheel_has_the_sbom_and_the_texts() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["sbom-files"] == ["sbom/emonets.cdx.json"]
    assert WheelBuilder(str(ROOT)).config.sbom_files == wheel["sbom-files"]  # it knows the option
    assert PROJECT["build-system"]["requires"] == ["hatchling>=1.28"]  # older ones leave it out
    licences = set(PROJECT["project"]["license"].split(" AND "))
    assert licences == {OURS}.union(*(part["licence"].split(" AND ") for part in PARTS))
    texts = set(PROJECT["project"]["license-files"])
    assert texts == {"LICENSE", "NOTICE", *(f"LICENSES/{name}.txt" for name in licences)}
    assert all((ROOT / text).is_file() for text in texts)


def test_the_built_wheel_has_them(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "build", "-w", "--no-isolation", "-o", str(tmp_path), str(ROOT)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(file) as wheel:
        (sbom,) = [name for name in wheel.namelist() if ".dist-info/sboms/" in name]
        assert json.loads(wheel.read(sbom)) == SBOM
        for name, (digest, _) in in_sbom().items():
            assert hashlib.sha256(wheel.read(name)).hexdigest() == digest, name
        texts = {name.partition("/licenses/")[2] for name in wheel.namelist()}
        assert set(PROJECT["project"]["license-files"]) <= texts


def test_the_sbom_is_cyclonedx() -> None:
    assert (SBOM["bomFormat"], SBOM["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", SBOM["serialNumber"])
    own = SBOM["metadata"]["component"]
    assert (own["name"], own["version"]) == ("emonets", PROJECT["project"]["version"])
    references = [part["bom-ref"] for part in SBOM["components"]]
    references += [file["bom-ref"] for part in SBOM["components"] for file in part["components"]]
    assert len(set(references)) == len(references)
    for part in SBOM["components"]:
        assert part["type"] in {"machine-learning-model", "library", "data"}
        assert part["purl"].startswith("pkg:")
        assert part["version"]
        assert part["copyright"]


def test_every_file_has_a_licence() -> None:
    """`reuse lint`: a text for each licence, a licence and a holder for each file."""
    if not (ROOT / ".git").exists():
        pytest.skip("without git, what is not of the project cannot be told apart")
    done = subprocess.run(
        [sys.executable, "-m", "reuse", "--root", str(ROOT), "lint"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
