"""Every public name has a docstring with an example, and the examples run."""

from __future__ import annotations

import doctest
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blocks import HAPPY

import emonets

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def public() -> Iterator[tuple[str, Any]]:
    """Each public function, class and method of ours, by its dotted name."""
    for name in emonets.__all__:
        thing = getattr(emonets, name)
        if not callable(thing):
            continue
        yield name, thing
        if inspect.isclass(thing):
            yield from _methods(name, thing)


def _methods(name: str, kind: type) -> Iterator[tuple[str, Any]]:
    seen = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("emonets"):
            continue
        for own, value in vars(base).items():
            if own.startswith("_") or own in seen:
                continue
            seen.add(own)
            method = value.fget if isinstance(value, property) else value
            method = getattr(method, "__func__", method)
            if inspect.isfunction(method):
                yield f"{name}.{own}", method


PUBLIC = dict(public())


@pytest.mark.parametrize("name", PUBLIC)
def test_it_has_a_docstring_with_an_example(name: str) -> None:
    text = inspect.getdoc(PUBLIC[name]) or ""
    assert len(text) > 30, f"emonets.{name} has no docstring"
    assert ">>>" in text, f"emonets.{name} has no example"


@pytest.fixture(scope="module")
def shared_names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What examples may use without making it."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copy(HAPPY, folder / "clip.mp4")
    model = emonets.load()
    return {
        "emonets": emonets, "np": np, "load": emonets.load, "look": emonets.look,
        "predict": emonets.predict, "stream": emonets.stream, "Session": emonets.Session,
        "Result": emonets.Result, "model": model, "folder": folder,
        "ClipEmbeddings": emonets.ClipEmbeddings, "EmoNetsClassifier": emonets.EmoNetsClassifier,
        "result": model.predict(folder / "clip.mp4", window=1.0, stride=5),
    }  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_the_example_runs(
    name: str, shared_names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: Path = shared_names["folder"]
    monkeypatch.chdir(folder)
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=FLAGS)
    text = inspect.getdoc(PUBLIC[name]) or ""
    test = parser.get_doctest(text, dict(shared_names), name, None, 0)
    told: list[str] = []
    assert not runner.run(test, out=told.append).failed, "".join(told)
