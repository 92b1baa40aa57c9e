"""What strangers find first: the citation, the promises, the templates, and the addresses."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from emonets.version import __version__

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
HOME = PROJECT["urls"]["Homepage"]
CITATION: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
TEMPLATES = ROOT / ".github" / "ISSUE_TEMPLATE"
FORMS = sorted(path for path in TEMPLATES.glob("*.yml") if path.name != "config.yml")

# https://github.com/citation-file-format/citation-file-format/blob/main/schema-guide.md
KEYS = {
    "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi",
    "identifiers", "keywords", "license", "license-url", "message", "preferred-citation",
    "references", "repository", "repository-artifact", "repository-code", "title", "type", "url",
    "version",
}  # fmt: skip
PERSON = {"family-names", "given-names", "name-particle", "name-suffix", "affiliation", "orcid"}


def test_the_citation_has_what_the_format_requires() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    assert set(CITATION) <= KEYS
    assert {"authors", "message", "title", "version"} <= set(CITATION)
    assert CITATION["type"] == "software"
    assert CITATION["license"] == "BSD-3-Clause"  # of our own part
    assert CITATION["repository-code"] == HOME
    assert CITATION["authors"] == [{"name": name["name"]} for name in PROJECT["authors"]]


def test_there_is_one_version() -> None:
    """A release changes all of these; then run tools/make_sbom.py."""
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text("utf-8"))
    sbom = json.loads((ROOT / "sbom" / "emonets.cdx.json").read_text("utf-8"))
    stated = {
        "pyproject.toml": PROJECT["version"],
        "CITATION.cff": str(CITATION["version"]),
        "conda/recipe.yaml": recipe["context"]["version"],
        "sbom": sbom["metadata"]["component"]["version"],
    }
    assert stated == dict.fromkeys(stated, __version__)


def test_the_citation_names_the_paper() -> None:
    (paper,) = CITATION["references"]
    assert paper["title"].startswith("EmoNets: Multimodal deep learning approaches")
    assert re.fullmatch(r"10\.\d{4,9}/\S+", paper["doi"])
    assert "arXiv:1503.01800" in [found["value"] for found in paper["identifiers"]]
    assert len(paper["authors"]) == 18
    assert all(set(person) <= PERSON for person in paper["authors"])
    assert paper["authors"][0]["family-names"] == "Ebrahimi Kahou"
    assert (paper["volume"], paper["start"], paper["end"]) == (10, 99, 111)


def promises() -> Iterator[tuple[str, str]]:
    """The promises of SECURITY.md, each with one of its tests."""
    for line in (ROOT / "SECURITY.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 2 and cells[0] != "promise":
            tests = re.findall(r"`(tests/\S+?::\w+)`", cells[1])
            assert tests, f"{cells[0]}: no test holds it"
            yield from ((cells[0], test) for test in tests)


def test_there_are_promises() -> None:
    assert len({promise for promise, _ in promises()}) >= 12


@pytest.mark.parametrize(("promise", "test"), list(promises()))
def test_every_promise_has_its_test(promise: str, test: str) -> None:
    file, _, name = test.partition("::")
    assert (ROOT / file).is_file(), promise
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text("utf-8"), re.M), promise


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_forms_of_issues_are_forms(form: Path) -> None:
    content = yaml.safe_load(form.read_text("utf-8"))
    assert {"name", "description", "body"} <= set(content) <= {
        "name", "description", "title", "labels", "body",
    }  # fmt: skip
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    ids = [field["id"] for field in fields]
    assert len(set(ids)) == len(ids)
    assert any(field.get("validations", {}).get("required") for field in fields)
    for field in content["body"]:
        assert field["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
        assert field["attributes"].get("label") or field["type"] == "markdown"
        assert set(field) <= {"type", "id", "attributes", "validations"}


def test_there_is_a_form_for_each_kind() -> None:
    assert [form.stem for form in FORMS] == ["crash", "feature", "wrong_answer"]
    config = yaml.safe_load((TEMPLATES / "config.yml").read_text("utf-8"))
    assert config["contact_links"][0]["url"] == f"{HOME}/security/advisories/new"
    assert (ROOT / ".github" / "pull_request_template.md").is_file()


def test_there_is_one_address_of_the_project() -> None:
    """No address of a person is invented, and no other repository is named as ours."""
    texts = [ROOT / name for name in ("SECURITY.md", "CODE_OF_CONDUCT.md", "CITATION.cff")]
    for file in [*texts, *FORMS, TEMPLATES / "config.yml", ROOT / "REUSE.toml"]:
        text = file.read_text("utf-8")
        assert not re.search(r"[\w.]+@[\w-]+\.\w+", text), f"{file}: an address for mail"
        for found in re.findall(r"https://github\.com/[\w./-]*emonets[\w./-]*", text):
            assert found.startswith(HOME), f"{file}: {found}"
    assert all(url.startswith(HOME) for url in PROJECT["urls"].values())


def test_classifiers_have_every_python_that_is_allowed() -> None:
    from packaging.specifiers import SpecifierSet

    allowed = SpecifierSet(PROJECT["requires-python"])
    stated = {
        text.rpartition(" ")[2]
        for text in PROJECT["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", text)
    }
    assert stated == {f"3.{n}" for n in range(11, 15)}
    assert all(version in allowed for version in stated)
