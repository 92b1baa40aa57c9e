"""The same contract for every dataset: made-up trees of each layout, and the real ones if here."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataset_trees import TREES, Tree
from emonets import EMOTIONS
from emonets.datasets import DATASETS, Dataset, Problem, detect_dataset, open_dataset
from emonets.datasets.kinds import KINDS
from emonets.errors import DataError, ParameterError

REAL = {
    "fer2013.npz": "fer2013",
    "ravdess_speech": "ravdess",
    "ravdess_av": "ravdess",
    "javanese_av": "javanese",
    "javanese_speech": "javanese",
    "emodb": "emodb",
    "crema_d": "crema_d",
}


@pytest.fixture(params=TREES)
def tree(request: pytest.FixtureRequest) -> Tree:
    if "parquet" in request.param:
        pytest.importorskip("pyarrow")
    return TREES[request.param]


def serious(problems: tuple[Problem, ...]) -> list[Problem]:
    return [problem for problem in problems if problem.level != "note"]


def kinds(problems: tuple[Problem, ...]) -> set[str]:
    return {problem.kind for problem in problems}


def holds_to_the_contract(dataset: Dataset) -> None:
    info = dataset.info
    assert len(dataset) == len(dataset.items) > 0
    for item in dataset.items:
        assert 0 <= item.label < len(EMOTIONS)
        assert item.path.is_file()
        assert item.group
        assert item.split in ("train", "valid", "test", "")
        assert item.kind in KINDS
        assert item.kind in info.kinds
        assert info.words[item.word] == EMOTIONS[item.label]
        assert item.start is None or item.start >= 0
    for dropped in dataset.dropped:
        assert dropped.why
        if dropped.kind == "outside":
            assert dropped.word in info.outside
    whats = [(item.path, item.start, item.end, item.row) for item in dataset.items]
    assert len(set(whats)) == len(whats)
    if dataset.folds is not None:
        assert set(dataset.folds) == set(dataset.groups)
    counts = dataset.counts()
    assert list(counts) == list(EMOTIONS)
    assert sum(sum(row.values()) for row in counts.values()) == len(dataset)
    assert dataset.labels.dtype == np.int64
    assert len(dataset.groups) == len(dataset.splits) == len(dataset)


def test_there_is_a_tree_of_every_dataset() -> None:
    assert {tree.dataset for tree in TREES.values()} == set(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_declares_itself(name: str) -> None:
    info = DATASETS[name].info
    assert info.name == name
    for said in (info.title, info.licence, info.where, info.group, info.splits, info.layout):
        assert said
    if name not in ("folders", "manifest", "javanese"):
        assert info.citation.startswith("@")
        assert info.citation.count("{") == info.citation.count("}")
    assert set(info.words.values()) <= set(EMOTIONS)
    assert not set(info.outside) & set(info.words)
    assert all(info.outside.values())
    assert info.kinds
    assert set(info.kinds) <= set(KINDS)


# a good tree


def test_a_good_tree(tree: Tree, tmp_path: Path) -> None:
    path = tree.make(tmp_path)
    if not tree.options:
        assert detect_dataset(path) == tree.dataset
    dataset = open_dataset(path, **tree.options)
    assert dataset.info.name == tree.dataset
    holds_to_the_contract(dataset)
    assert len(dataset) == tree.n
    assert len(set(dataset.groups)) == tree.groups
    assert {EMOTIONS[item.label] for item in dataset.items} == set(tree.names.split())
    assert set(dataset.splits) == set(tree.splits.split() or [""])
    assert {d.word for d in dataset.dropped if d.kind == "outside"} == set(tree.outside)
    assert dataset.kinds
    assert serious(dataset.validate()) == []
    assert serious(dataset.validate(deep=True)) == []


def test_the_order_is_that_of_the_names(tree: Tree, tmp_path: Path) -> None:
    path = tree.make(tmp_path)
    first, second = (open_dataset(path, tree.dataset) for _ in range(2))
    assert first.items == second.items
    assert first.dropped == second.dropped


# each planted problem is found


def planted(tree: Tree, tmp_path: Path) -> Dataset:
    return open_dataset(tree.make(tmp_path), tree.dataset)


def about(problems: tuple[Problem, ...], kind: str) -> list[Problem]:
    return [problem for problem in problems if problem.kind == kind]


def test_a_missing_file_is_found(tree: Tree, tmp_path: Path) -> None:
    dataset = planted(tree, tmp_path)
    dataset.items[0].path.unlink()
    (found,) = about(dataset.validate(), "missing")
    assert found.level == "error"
    assert found.path == str(dataset.items[0].path)


def test_an_empty_file_is_found(tree: Tree, tmp_path: Path) -> None:
    dataset = planted(tree, tmp_path)
    dataset.items[0].path.write_bytes(b"")
    (found,) = about(dataset.validate(), "damaged")
    assert found.level == "error"
    assert found.path == str(dataset.items[0].path)


def test_a_damaged_file_is_found_when_all_are_opened(tree: Tree, tmp_path: Path) -> None:
    dataset = planted(tree, tmp_path)
    if dataset.faces is not None:
        file = dataset.items[0].path
        file.write_bytes(b"\x00" * 400)
        with pytest.raises(DataError, match=file.name):
            open_dataset(dataset.root, tree.dataset)
        return
    dataset.items[0].path.write_bytes(b"\x00" * 400)
    assert about(dataset.validate(), "damaged") == []
    (found,) = about(dataset.validate(deep=True), "damaged")
    assert found.level == "error"
    assert found.path == str(dataset.items[0].path)


def test_copies_are_found(tree: Tree, tmp_path: Path) -> None:
    dataset = planted(tree, tmp_path)
    one, other = next(
        (a, b)
        for a, b in itertools.combinations(dataset.items, 2)
        if (a.label, a.split) != (b.label, b.split)
        and (a.start, a.end, a.path.suffix) == (b.start, b.end, b.path.suffix)
        and (a.path != b.path or dataset.faces is not None)
    )
    if dataset.faces is not None:
        assert one.row is not None
        assert other.row is not None
        dataset.faces.images[other.row] = dataset.faces.images[one.row]
    else:
        shutil.copy(one.path, other.path)
    found, *_ = about(dataset.validate(), "duplicate")  # of a file in pieces there are several
    assert found.level == ("note" if "duplicate" in dataset.info.known else "error")
    assert str(other.path) in str(found)
    assert "same content" in found.message


def test_what_has_no_label_is_listed(tree: Tree, tmp_path: Path) -> None:
    if tree.stray is None:
        pytest.skip("nothing of this layout can be without a label")
    path = tree.make(tmp_path)
    stray = tree.stray(path)
    dataset = open_dataset(path, tree.dataset)
    assert len(dataset) == tree.n
    found = about(dataset.validate(), "unlabelled")
    assert any(stray.name in str(p) or stray.parent.name in str(p) for p in found)
    known = "unlabelled" in dataset.info.known
    assert {problem.level for problem in found} == {"note" if known else "warning"}


def test_a_group_in_two_splits_is_found(tree: Tree, tmp_path: Path) -> None:
    dataset = planted(tree, tmp_path)
    first, second, *rest = dataset.items
    items = (
        dataclasses.replace(first, group="ann", split="train"),
        dataclasses.replace(second, group="ann", split="test"),
        *rest,
    )
    (found,) = about(dataclasses.replace(dataset, items=items).validate(), "group")
    assert found.level == "error"
    assert "'ann' is in train" in found.message


def test_a_class_with_a_single_item_is_found(tree: Tree, tmp_path: Path) -> None:
    dataset = planted(tree, tmp_path)
    label = dataset.items[0].label
    items = (dataset.items[0], *(item for item in dataset.items if item.label != label))
    (found,) = about(dataclasses.replace(dataset, items=items).validate(), "single")
    assert found.level == "warning"
    assert EMOTIONS[label] in found.message


# wrong layouts


@pytest.mark.parametrize("name", DATASETS)
def test_an_empty_folder(name: str, tmp_path: Path) -> None:
    for layout in (name, None):
        with pytest.raises(DataError, match="expected") as error:
            open_dataset(tmp_path, layout)
        assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("name", DATASETS)
def test_a_wrong_layout_says_what_was_expected_and_what_was_found(
    name: str, tmp_path: Path
) -> None:
    other = "emodb" if name == "tess" else "tess"
    TREES[other].make(tmp_path)
    with pytest.raises(DataError, match="expected") as error:
        open_dataset(tmp_path, name)
    said = str(error.value)
    assert str(tmp_path) in said
    assert len(said.splitlines()) == 1
    assert "OAF" in said or "03a01" in said or "wav" in said or "fer2013" in said


def test_what_is_not_there_and_what_is_no_layout(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        open_dataset(tmp_path / "absent")
    with pytest.raises(ParameterError, match=r"layout='cremad': must be one of folders, manifest"):
        open_dataset(tmp_path, "cremad")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"expected a folder, .*found a file ending in '\.txt'"):
        open_dataset(tmp_path / "notes.txt")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="expected the columns emotion, pixels, Usage"):
        open_dataset(tmp_path / "table.csv")


def test_a_mixture_is_an_error(tmp_path: Path) -> None:
    TREES["emodb"].make(tmp_path)
    TREES["tess"].make(tmp_path)
    with pytest.raises(DataError, match=r"emodb \(14\) and tess \(14\)"):
        open_dataset(tmp_path)
    assert len(open_dataset(tmp_path, "emodb")) == 12


def test_options_belong_to_their_layouts(tmp_path: Path) -> None:
    TREES["tess"].make(tmp_path)
    for option in ({"channel": "03-01"}, {"labels": {"x": "sad"}}, {"colour": "red"}):
        given: dict[str, Any] = option
        with pytest.raises(ParameterError, match=r"but .* is 'tess'"):
            open_dataset(tmp_path, **given)


# the real ones


@pytest.mark.parametrize("name", REAL)
def test_shared_data(shared: Path, name: str) -> None:
    path = shared / "data" / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    dataset = open_dataset(path)
    assert dataset.info.name == REAL[name]
    holds_to_the_contract(dataset)
    found = dataset.validate()
    assert kinds(tuple(p for p in found if p.level == "error")) == set()
    # six clips of one actor are a sample, no set
    assert kinds(tuple(serious(found))) <= ({"single"} if name == "crema_d" else set())
