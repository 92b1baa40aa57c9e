"""The Dockerfile and the conda recipe: read here, as neither docker nor conda is."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from command_line import parse

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PAGE = (ROOT / "docs" / "howto" / "containers.md").read_text("utf-8")
RECIPE: dict[str, Any] = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text("utf-8"))

AT_CONDA = {"opencv-python-headless": "py-opencv", "soxr": "soxr-python"}
"""Names at conda-forge that are others than at PyPI."""
NOT_AT_CONDA = {"pi-heif"}


def steps() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile: word and the rest."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line]  # type: ignore[misc]


def copied() -> set[str]:
    """What is taken from this folder, files and folders."""
    lines = [rest.split() for word, rest in steps() if word == "COPY" and "--from" not in rest]
    return {source for words in lines for source in words[:-1]}


def last(word: str) -> str:
    return [rest for name, rest in steps() if name == word][-1]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and line[0] != "#"]
    for source in copied():
        assert (ROOT / source).exists(), source
        ignored = False
        for rule in rules:
            if fnmatch(source, rule.removeprefix("!")):
                ignored = rule[0] != "!"
        assert not ignored, f"{source} is in .dockerignore"


def test_the_build_has_all_that_the_package_is_made_of() -> None:
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        "pyproject.toml", PROJECT["readme"], *PROJECT["license-files"], *wheel["sbom-files"],
        *wheel["packages"], *wheel["force-include"],
    }  # fmt: skip
    for path in needed:
        parts = PurePosixPath(path)
        assert {path, *map(str, parts.parents)} & copied(), f"the Dockerfile does not copy {path}"


def test_the_container_is_no_root_and_starts_the_command() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["emonets"]
    assert json.loads(last("CMD")) == ["--help"]
    assert "emonets" in PROJECT["scripts"]
    assert last("USER") == "1000:1000"
    assert last("WORKDIR") == "/data"
    words = [word for word, _ in steps()]
    assert words.index("USER") > max(i for i, word in enumerate(words) if word == "RUN")
    assert "PATH=/opt/emonets/bin:$PATH" in last("ENV").split()
    assert f"{last('COPY').split()[-1]}/bin" == "/opt/emonets/bin"


def test_the_image_is_a_python_that_is_allowed() -> None:
    images = {rest.split()[0] for word, rest in steps() if word == "FROM"}
    (image,) = images  # what is built and what runs are of one kind
    version = re.fullmatch(r"python:(3\.\d+)-slim", image)
    assert version is not None
    assert f"Programming Language :: Python :: {version[1]}" in PROJECT["classifiers"]
    assert f"python{version[1]}/site-packages" in DOCKERFILE


def test_the_extras_that_are_installed_exist() -> None:
    (extras,) = re.findall(r"pip install [^\n]*\"\.\[([a-z,]+)\]\"", DOCKERFILE)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("line", re.findall(r"docker run .*", DOCKERFILE + PAGE))
def test_every_line_that_runs_it_is_right(line: str) -> None:
    options, _, rest = line.partition(" emonets ")
    assert shlex.split(options) == [
        "docker",
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        "$PWD:/data",
    ]
    assert parse(f"emonets {rest}")


def names_and_versions(requirements: list[str]) -> dict[str, set[str]]:
    """Of ``numpy>=2.0,<3`` the name and its bounds."""
    found = {}
    for text in requirements:
        name, bounds = re.fullmatch(r"([\w.-]+)\s*(.*)", text.strip()).groups()  # type: ignore[union-attr]
        found[name] = set(bounds.replace(" ", "").split(",")) - {""}
    return found


def test_the_recipe_requires_what_the_package_requires() -> None:
    expected = {
        AT_CONDA.get(name, name): bounds
        for name, bounds in names_and_versions(PROJECT["dependencies"]).items()
        if name not in NOT_AT_CONDA
    }
    run = names_and_versions(RECIPE["requirements"]["run"])
    assert run.pop("python") == {PROJECT["requires-python"]}
    assert run == expected
    host = names_and_versions(RECIPE["requirements"]["host"])
    assert (
        host["hatchling"] == names_and_versions(PYPROJECT["build-system"]["requires"])["hatchling"]
    )
    assert host["python"] == {PROJECT["requires-python"]}


def test_the_recipe_is_of_this_package() -> None:
    assert RECIPE["schema_version"] == 1
    assert RECIPE["package"]["name"] == PROJECT["name"]
    assert RECIPE["context"]["version"] == PROJECT["version"]
    about = RECIPE["about"]
    assert about["license"] == PROJECT["license"]
    assert set(about["license_file"]) == set(PROJECT["license-files"])
    assert about["homepage"] == PROJECT["urls"]["Homepage"]
    (point,) = RECIPE["build"]["python"]["entry_points"]
    name, _, target = point.partition(" = ")
    assert PROJECT["scripts"] == {name: target}
    for script in RECIPE["tests"][1]["script"][1:]:
        assert parse(script)
