"""What readers of pictures in a corpus' own class folders share."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import STILL_SUFFIXES, DatasetInfo, Dropped, Item, Problem
from emonets.datasets.layouts import Claim, Place, Strength
from emonets.datasets.reading import Meaning, labelled, read_files
from emonets.datasets.splits import split_of

_FEWEST = 2  # folders that are named by numbers


def read_classes(
    folder: str | Path,
    info: DatasetInfo,
    *,
    parts: bool = False,
    part_of: Callable[[str], str] | None = None,
    group_of: Callable[[Path, str], str] | None = None,
    checked: Callable[[Path, Item], Meaning] = lambda file, item: item,
) -> Dataset:
    """Read the pictures in the class folders of a corpus.

    The class of a picture is the nearest folder that ``info`` has a word for, in any case.

    Parameters
    ----------
    parts : whether folders named train, valid or test around the class folders are parts.
    part_of : a folder's name → its part, or "" where it is none. Default: `split_of`.
    group_of : picture and part → its group. None: no group is known, so each picture is a group
        of its own.
    checked : picture and item → the item, or why it is dropped.

    Returns
    -------
    The dataset. ``found`` has an error for each folder beside the class folders that ``info`` has
    no word for. Pictures in no class folder are dropped.

    Raises
    ------
    DataError : no such folder, or no picture in a class folder of the corpus.
    """
    root = Path(folder)
    start = len(str(root / "x")) - 1
    known = {word.lower(): word for word in (*info.words, *info.outside)}
    own = root.resolve().name
    which = part_of or (lambda name: split_of(name) or "")
    seen: dict[str, tuple[str, str]] = {}

    def meaning(file: Path) -> Meaning:
        text = str(file)
        here = os.path.dirname(text)
        found = seen.get(here)
        if found is None:
            names = here[start:].split(os.sep)
            part = next((p for name in (*names, own) if (p := which(name))), "") if parts else ""
            classes = [word for name in (*names[::-1], own) if (word := known.get(name.lower()))]
            found = seen[here] = (classes[0] if classes else "", part)
        word, part = found
        if not word:
            why = f"lies in no class folder of {info.name} ({', '.join(info.words)})"
            return Dropped(file, why, "unlabelled")
        group = group_of(file, part) if group_of else text[start:].replace(os.sep, "/")
        made = labelled(info, file, word, group, part)
        return checked(file, made) if isinstance(made, Item) else made

    dataset = read_files(root, info, meaning, suffixes=STILL_SUFFIXES, grouped=group_of is not None)
    return _with_unknown(dataset, {here for here, (word, _) in seen.items() if word})


def _with_unknown(dataset: Dataset, classes: set[str]) -> Dataset:
    """The dataset, with an error for each folder beside class folders that is none."""
    around = {os.path.dirname(folder) for folder in classes}
    beside: Counter[str] = Counter()
    dropped = []
    for one in dataset.dropped:
        here = os.path.dirname(one.path)
        if one.kind == "unlabelled" and here not in classes and os.path.dirname(here) in around:
            beside[here] += 1
            dropped.append(replace(one, kind="other", word=os.path.basename(here)))
        else:
            dropped.append(one)
    if not beside:
        return dataset
    words = ", ".join((*dataset.info.words, *dataset.info.outside))
    found = tuple(
        Problem(
            "error", "label", folder,
            f"{n} picture{'' if n == 1 else 's'} in a folder that is no class of "
            f"{dataset.info.name} ({words}); remove it, or read your own layout with class folders",
        )
        for folder, n in sorted(beside.items())
    )  # fmt: skip
    return replace(dataset, dropped=tuple(dropped), found=(*dataset.found, *found))


def in_folders(counts: Mapping[tuple[str, ...], int], names: frozenset[str]) -> int:
    """How many files lie in folders of these names (`emonets.datasets.layouts.Place.folders`)."""
    return sum(n for folder, n in counts.items() if folder and folder[-1] in names)


def numbered(place: Place, numbers: frozenset[str]) -> Claim | None:
    """A question, where all folders of files are named by these numbers (two or more of them)."""
    here = {folder[-1] for folder in place.folders if folder}
    if len(here) < _FEWEST or not here <= numbers:
        return None
    found = f"folders named by numbers ({', '.join(sorted(here, key=int))})"
    return Claim(Strength.QUESTION, found, len(place.files))
