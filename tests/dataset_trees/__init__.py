"""Tiny made-up trees in the layout of every dataset: a module for each reader, found by itself."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from dataset_trees._made import Tree, picture, sound, text, video

__all__ = ["TEMPLATE", "TREES", "TREES_OF", "Tree", "picture", "sound", "text", "video"]

TREES_OF: dict[str, dict[str, Tree]] = {
    module.name: import_module(f"{__name__}.{module.name}").TREES
    for module in iter_modules(__path__)
    if not module.name.startswith("_")
}
"""Name of a reader's module → its trees."""

TREES: dict[str, Tree] = {key: tree for trees in TREES_OF.values() for key, tree in trees.items()}

TEMPLATE: Tree = import_module(f"{__name__}._template").TREE
"""Of the reader that is there to be copied."""
