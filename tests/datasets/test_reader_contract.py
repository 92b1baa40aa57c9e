"""One contract for every reader: made-up trees of each layout, and the real data if here."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import sys
from collections.abc import Collection, Iterator
from fnmatch import fnmatch
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest

from dataset_trees import TEMPLATE, TREES, TREES_OF, Tree
from emonets import EMOTIONS
from emonets.datasets import (
    DATASETS,
    Dataset,
    Problem,
    Reader,
    detect_dataset,
    open_dataset,
    readers,
    register_reader,
    registry,
)
from emonets.datasets.items import KINDS
from emonets.datasets.layouts import Place, Strength
from emonets.errors import DataError

REAL = {
    "fer2013.npz": "fer2013",
    "ravdess_speech": "ravdess",
    "ravdess_av": "ravdess",
    "javanese_av": "javanese",
    "javanese_speech": "javanese",
    "emodb": "emodb",
    "crema_d": "crema_d",
}
NAMES = [*DATASETS, TEMPLATE.dataset]


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A copy of the template in a package of its own, found and registered as a user's would be."""
    folder = tmp_path_factory.mktemp("copy") / "made_up_readers"
    folder.mkdir()
    (folder / "__init__.py").touch()
    source = Path(readers.__path__[0], "_template.py")
    shutil.copy(source, folder / "my_corpus.py")
    shutil.copy(source, folder / "_not_found.py")
    sys.path.insert(0, str(folder.parent))
    (reader,) = registry.find_readers([str(folder)], folder.name)
    register_reader(reader)
    yield reader
    registry._READERS.pop(reader.info.name)
    sys.path.remove(str(folder.parent))


@pytest.fixture(params=[*TREES, "template"])
def tree(request: pytest.FixtureRequest) -> Tree:
    if "parquet" in request.param:
        pytest.importorskip("pyarrow")
    return TEMPLATE if request.param == "template" else TREES[request.param]


def untested(modules: Collection[str]) -> list[str]:
    """What has to be added for the readers that have no tree of their own name."""
    return [
        f"readers/{module}.py has no made-up tree: add tests/dataset_trees/{module}.py with TREES "
        "(copy tests/dataset_trees/_template.py)"
        for module in modules
        if not TREES_OF.get(module)
    ]


def test_every_reader_has_a_tree() -> None:
    modules = [m.name for m in iter_modules(readers.__path__) if not m.name.startswith("_")]
    assert untested(modules) == []
    assert set(TREES_OF) == set(modules), "a tree without a reader"
    for module, trees in TREES_OF.items():
        name = sys.modules[f"{readers.__name__}.{module}"].READER.info.name
        assert {tree.dataset for tree in trees.values()} == {name}
    (missing,) = untested(["emodb", "lost"])
    assert "add tests/dataset_trees/lost.py" in missing


@pytest.mark.parametrize("name", NAMES)
def test_it_declares_itself(name: str) -> None:
    info = DATASETS[name].info
    assert info.name == name
    for text in (info.title, info.licence, info.where, info.group, info.splits, info.layout):
        assert text
    assert info.citation.startswith(("@", "none: "))
    assert info.citation.count("{") == info.citation.count("}")
    assert set(info.words.values()) <= set(EMOTIONS)
    assert not set(info.outside) & set(info.words)
    assert all(info.outside.values())
    assert info.kinds
    assert set(info.kinds) <= set(KINDS)


# a good tree


def serious(problems: tuple[Problem, ...]) -> list[Problem]:
    return [problem for problem in problems if problem.level != "note"]


def holds_to_the_contract(dataset: Dataset) -> None:
    info = dataset.info
    assert len(dataset) == len(dataset.items) > 0
    for item in dataset.items:
        assert 0 <= item.label < len(EMOTIONS)
        assert item.path.is_file()
        assert item.group
        assert item.split in ("train", "valid", "test", "")
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


def opened(tree: Tree, path: Path) -> Dataset:
    return open_dataset(path, **{"layout": tree.dataset, **tree.options})


def test_a_good_tree(tree: Tree, tmp_path: Path) -> None:
    path = tree.make(tmp_path)
    dataset = open_dataset(path, **tree.options)
    assert dataset.info.name == tree.dataset
    assert dataset.root == path
    holds_to_the_contract(dataset)
    assert len(dataset) == tree.n
    assert len(set(dataset.groups)) == tree.groups
    assert {EMOTIONS[item.label] for item in dataset.items} == set(tree.names.split())
    assert set(dataset.splits) == set(tree.splits.split() or [""])
    assert {d.word for d in dataset.dropped if d.kind == "outside"} == set(tree.outside)
    folds, text = dataset.folds_for()
    assert ("agreed" in text) == (dataset.folds is not None)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(dataset)))
    assert serious(dataset.validate()) == []
    assert serious(dataset.validate(deep=True)) == []


def test_labels_groups_splits_and_kinds(tree: Tree, tmp_path: Path) -> None:
    dataset = opened(tree, tree.make(tmp_path))
    found = {
        item.path.relative_to(tmp_path).as_posix() if item.row is None else f"row {item.row}": (
            EMOTIONS[item.label], item.group, item.split, item.kind,
        )
        for item in dataset.items
    }  # fmt: skip
    assert tree.examples, "a tree names at least one item"
    assert {name: found[name] for name in tree.examples} == dict(tree.examples)


def test_the_order_is_always_the_same(tree: Tree, tmp_path: Path) -> None:
    path = tree.make(tmp_path)
    first, second = opened(tree, path), opened(tree, path)
    detected = open_dataset(path, **tree.options)
    assert first.items == second.items == detected.items
    assert first.dropped == second.dropped == detected.dropped


def test_every_file_is_an_item_or_dropped(tree: Tree, tmp_path: Path) -> None:
    dataset = opened(tree, tree.make(tmp_path))
    known = {item.path for item in dataset.items} | {one.path for one in dataset.dropped}
    for file in tmp_path.rglob("*"):
        aside = any(fnmatch(file.name, pattern) for pattern in tree.aside)
        assert file.is_dir() or aside or known & {file, *file.parents}, file


def test_no_other_reader_claims_it(tree: Tree, tmp_path: Path) -> None:
    path = tree.make(tmp_path)
    if "layout" in tree.options:
        claim = DATASETS[tree.dataset].claims(Place(path))
        if claim is None or claim.strength > Strength.QUESTION:
            assert detect_dataset(path) != tree.dataset
        else:
            with pytest.raises(DataError, match=f"--layout {tree.dataset}"):
                detect_dataset(path)
        return
    assert detect_dataset(path) == tree.dataset
    claims = {name: reader.claims(Place(path)) for name, reader in DATASETS.items()}
    mine = claims.pop(tree.dataset)
    assert mine is not None
    rivals = {n: claim for n, claim in claims.items() if claim and claim.strength >= mine.strength}
    assert set(rivals) <= set(mine.instead_of)
    assert all(claim.n <= mine.n for claim in rivals.values())


# wrong layouts


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_folder(name: str, tmp_path: Path) -> None:
    for layout in (name, None):
        with pytest.raises(DataError, match="expected") as error:
            open_dataset(tmp_path, layout)
        assert str(tmp_path) in str(error.value)
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_foreign_folder(name: str, tmp_path: Path) -> None:
    TREES["emodb" if name == "tess" else "tess"].make(tmp_path)
    with pytest.raises(DataError, match="expected") as error:
        open_dataset(tmp_path, name)
    message = str(error.value)
    assert str(tmp_path) in message
    assert len(message.splitlines()) == 1
    assert "OAF" in message or "03a01" in message or "wav" in message or "fer2013" in message


# each planted problem is found


def of_kind(problems: tuple[Problem, ...], kind: str) -> list[Problem]:
    return [problem for problem in problems if problem.kind == kind]


def planted(tree: Tree, tmp_path: Path) -> Dataset:
    return opened(tree, tree.make(tmp_path))


def test_a_missing_file(tree: Tree, tmp_path: Path) -> None:
    dataset = planted(tree, tmp_path)
    dataset.items[0].path.unlink()
    (found,) = of_kind(dataset.validate(), "missing")
    assert found.level == "error"
    assert found.path == str(dataset.items[0].path)


def test_an_empty_file_and_a_damaged_one(tree: Tree, tmp_path: Path) -> None:
    dataset = planted(tree, tmp_path)
    file = dataset.items[0].path
    file.write_bytes(b"")
    (found,) = of_kind(dataset.validate(), "damaged")
    assert found.level == "error"
    assert found.path == str(file)
    file.write_bytes(b"\x00" * 400)
    if dataset.faces is not None:
        with pytest.raises(DataError, match=file.name):
            open_dataset(dataset.root, tree.dataset)
        return
    assert of_kind(dataset.validate(), "damaged") == []
    (found,) = of_kind(dataset.validate(deep=True), "damaged")
    assert found.level == "error"
    assert found.path == str(file)


def test_copies(tree: Tree, tmp_path: Path) -> None:
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
    found, *_ = of_kind(dataset.validate(), "duplicate")  # of a file in pieces there are several
    assert found.level == ("note" if "duplicate" in dataset.info.known else "error")
    assert str(other.path) in str(found)
    assert "same content" in found.message


def test_a_file_without_a_label(tree: Tree, tmp_path: Path) -> None:
    if tree.stray is None:
        pytest.skip("nothing of this layout can be without a label")
    path = tree.make(tmp_path)
    stray = tree.stray(path)
    dataset = opened(tree, path)
    assert len(dataset) == tree.n
    found = of_kind(dataset.validate(), "unlabelled")
    assert any(stray.name in str(p) or stray.parent.name in str(p) for p in found)
    known = "unlabelled" in dataset.info.known
    assert {problem.level for problem in found} == {"note" if known else "warning"}


def test_a_group_in_two_splits_and_a_class_with_one_item(tree: Tree, tmp_path: Path) -> None:
    dataset = planted(tree, tmp_path)
    first, second, *rest = dataset.items
    items = (
        dataclasses.replace(first, group="ann", split="train"),
        dataclasses.replace(second, group="ann", split="test"),
        *rest,
    )
    (found,) = of_kind(dataclasses.replace(dataset, items=items).validate(), "group")
    assert found.level == "error"
    assert "'ann' is in train" in found.message
    alone = (first, *(item for item in dataset.items if item.label != first.label))
    (found,) = of_kind(dataclasses.replace(dataset, items=alone).validate(), "single")
    assert found.level == "warning"
    assert EMOTIONS[first.label] in found.message


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
    assert [p for p in found if p.level == "error"] == []
    # six clips of one actor are a sample, no set
    assert {p.kind for p in serious(found)} <= ({"single"} if name == "crema_d" else set())
