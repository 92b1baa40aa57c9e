"""Checks of an opened dataset: files, copies, groups and classes, each a pure function."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.items import LEVELS, DatasetInfo, Dropped, Item, Problem
from emonets.datasets.spans import End, outside_pieces
from emonets.datasets.still_faces import read_face
from emonets.emotions import EMOTIONS
from emonets.errors import MediaError
from emonets.media.clip import open_clip

_DROPPED = {
    "missing": "error",
    "damaged": "error",
    "unlabelled": "warning",
    "duplicate": "warning",
}
"""What a reader left out and has to be listed file by file; the rest is counted in a note."""

_SHOWN = 5  # as many pairs of groups are named in a message

_COUNTED = {
    "outside": "labelled with what is none of the seven",
    "withheld": "without a label, which the dataset does not publish",
    "channel": "of a channel, kind or frame that is not read",
    "copy": "that are another copy of an item",
    "foreign": "that are of another sort",
    "other": "left out",
}


def problems_of(
    root: str,
    info: DatasetInfo,
    items: Sequence[Item],
    *,
    dropped: Iterable[Dropped] = (),
    found: Iterable[Problem] = (),
    images: NDArray[np.uint8] | None = None,
    grouped: bool = True,
    deep: bool = False,
) -> tuple[Problem, ...]:
    """Problems of a dataset, errors first: see `emonets.datasets.Dataset.validate`.

    Parameters
    ----------
    root : what was opened. dropped, found : what its reader left out, and what it found wrong.
    images : (n, height, width), where the items are the rows of one file.
    grouped : whether groups are known. deep : decode every file to its end.
    """
    bad: dict[Path, Problem] = {}
    for path in dict.fromkeys(item.path for item in items):
        problem = file_problem(path)
        if problem is not None:
            bad[path] = problem
    whole = [item for item in items if item.path not in bad]
    all_found: list[Problem] = [*found, *dropped_problems(root, dropped)]
    all_found += bad.values()
    if images is None:
        all_found += deep_problems(whole) if deep else outside_pieces(whole)
    all_found += copies(whole, images, grouped=grouped)
    all_found += groups_in_two_splits(items)
    all_found += lone_classes(root, items)
    all_found += incomplete(root, items, info.per_group)
    news = [problem for problem in all_found if problem.kind not in info.known]
    for kind, why in info.known.items():
        mine = [problem for problem in all_found if problem.kind == kind]
        if mine:
            news.append(Problem("note", kind, root, f"{why}; {len(mine)} here, such as {mine[0]}"))
    return tuple(sorted(news, key=lambda p: LEVELS.index(p.level)))


def file_problem(path: Path) -> Problem | None:
    """Check without decoding whether a file is there and holds anything."""
    try:
        with path.open("rb") as file:
            if not file.read(1):
                return Problem("error", "damaged", str(path), "is empty; copy it again")
    except FileNotFoundError:
        return Problem("error", "missing", str(path), "is not there")
    except OSError as error:
        return Problem("error", "damaged", str(path), f"cannot be read ({error.strerror})")
    return None


def dropped_problems(root: str, dropped: Iterable[Dropped]) -> Iterator[Problem]:
    """What a reader left out: one by one where something is wrong, else counted."""
    counts: Counter[tuple[str, str]] = Counter()
    for one in dropped:
        if one.kind in _DROPPED:
            yield Problem(_DROPPED[one.kind], one.kind, str(one.path), one.why)
        else:
            counts[one.kind, one.word] += 1
    for (kind, word), n in sorted(counts.items()):
        what = _COUNTED.get(kind, _COUNTED["other"])
        yield Problem("note", kind, root, f"{n} files {what}" + (f": {word}" if word else ""))


def deep_problems(items: Sequence[Item]) -> Iterator[Problem]:
    """Decode every file to its end: what cannot be, and pieces that lie outside."""
    ends: dict[Path, End] = {}
    for path, item in {item.path: item for item in items}.items():
        if item.kind == "still":
            picture = read_face(path, 48)
            if isinstance(picture, str):
                yield Problem("error", "damaged", str(path), picture)
            continue
        end = 0.0
        try:
            clip = open_clip(path)
            for part in clip.decode():
                end = max(end, part.time)
            end = max(end, clip.info.duration)  # nan does not replace it
        except MediaError as error:
            yield Problem("error", "damaged", str(path), error.reason)
            continue
        if clip.damaged:
            yield Problem("error", "damaged", str(path), "; ".join(clip.warnings))
        ends[path] = End(end, clip.info.frame_rate)
    yield from outside_pieces([item for item in items if item.path in ends], ends)


def copies(
    items: Sequence[Item], images: NDArray[np.uint8] | None = None, *, grouped: bool
) -> Iterator[Problem]:
    """Items of the same content: an error where class, part or group differs, else a warning.

    Parameters
    ----------
    images : (n, height, width), where the items are the rows of one file.
    grouped : whether groups are known; where not, different groups do not count.
    """
    first: dict[tuple[object, ...], Item] = {}
    for item, content in _contents(items, images):
        before = first.setdefault((content, item.start, item.end), item)
        if before is item or (before.path == item.path and before.row == item.row):
            continue
        differ = [
            f"{what} ({a or 'none'}, {b or 'none'})"
            for what, a, b in (
                ("class", EMOTIONS[before.label], EMOTIONS[item.label]),
                ("part", before.split, item.split),
                ("group", before.group, item.group),
            )
            if a != b and (grouped or what != "group")
        ]
        yield Problem(
            "error" if differ else "warning", "duplicate", _place(item),
            f"has the same content as {_place(before)}"
            + (f", with another {' and '.join(differ)}" if differ else ""), item.line,
        )  # fmt: skip


def _place(item: Item) -> str:
    return str(item.path) + ("" if item.row is None else f", row {item.row}")


def _contents(
    items: Sequence[Item], images: NDArray[np.uint8] | None
) -> Iterator[tuple[Item, bytes]]:
    """Items with what stands for their content; files of a size that is unique are left out."""
    if images is not None:
        for item in items:
            assert item.row is not None
            yield item, hashlib.sha256(images[item.row].tobytes()).digest()
        return
    sizes: dict[Path, int] = {}
    for path in dict.fromkeys(item.path for item in items):
        sizes[path] = path.stat().st_size
    n = Counter(sizes.values())
    hashes: dict[Path, bytes] = {}
    for item in items:
        if n[sizes[item.path]] < 2:
            continue
        if item.path not in hashes:
            with item.path.open("rb") as file:
                hashes[item.path] = hashlib.file_digest(file, "sha256").digest()
        yield item, hashes[item.path]


def groups_in_two_splits(items: Iterable[Item]) -> Iterator[Problem]:
    """Groups of which items lie in more than one part: what is tested was trained on."""
    where: dict[str, dict[str, Item]] = defaultdict(dict)
    for item in items:
        if item.split:
            where[item.group].setdefault(item.split, item)
    for group, splits in where.items():
        if len(splits) > 1:
            examples = ", ".join(
                f"{split} ({_place(item)}" + (f", line {item.line})" if item.line else ")")
                for split, item in splits.items()
            )
            last = list(splits.values())[-1]
            yield Problem(
                "error", "group", str(last.path), f"group {group!r} is in {examples}", last.line
            )


def similar_groups(root: str, items: Iterable[Item]) -> Iterator[Problem]:
    """Groups whose names differ only in case, blanks, zeros or punctuation.

    They may be one person, who would then be in training and test. Groups that are the file itself
    are passed over.
    """
    alike: dict[str, dict[str, int]] = defaultdict(dict)
    for item in items:
        if Path(item.group.replace("\\", "/")).name != item.path.name:
            alike[_plain(item.group)].setdefault(item.group, item.line or 0)
    pairs = [names for names in alike.values() if len(names) > 1]
    if pairs:
        shown = "; ".join(" and ".join(map(repr, names)) for names in pairs[:_SHOWN])
        more = f"; and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
        yield Problem(
            "error", "similar", root,
            f"these groups may be the same: {shown}{more}. If they are, give them one name; if "
            "they are different people, use --similar-groups (similar_groups=True)",
        )  # fmt: skip


def _plain(group: str) -> str:
    """A group's name without case, blanks, punctuation, leading zeros and ".0" at its end."""
    text = unicodedata.normalize("NFKC", group).casefold().strip()
    text = re.sub(r"(?<=\d)[.,]0+$", "", text)
    text = re.sub(r"(?<=\d)[\W_]+(?=\d)", "/", text)  # 1-1 is not 11
    text = re.sub(r"(?<!\d)0+(?=\d)", "", text)
    return re.sub(r"[^\w/]|_", "", text) or text


def lone_classes(root: str, items: Iterable[Item]) -> Iterator[Problem]:
    """Classes with a single item: they cannot be both trained on and tested."""
    n = Counter(item.label for item in items)
    for label, name in enumerate(EMOTIONS):
        if n[label] == 1:
            yield Problem(
                "warning", "single", root,
                f"class {name} has a single item, which cannot be both trained on and tested",
            )  # fmt: skip


def incomplete(root: str, items: Iterable[Item], per_group: Mapping[str, int]) -> Iterator[Problem]:
    """Groups that have another number of items than was published."""
    n = Counter((item.kind, item.group) for item in items)
    for kind, expected in per_group.items():
        odd = [f"{g} {k}" for (its, g), k in sorted(n.items()) if its == kind and k != expected]
        if odd:
            more = f" and {len(odd) - 5} more" if len(odd) > 5 else ""
            yield Problem(
                "note", "incomplete", root,
                f"as published every group has {expected} of kind {kind}; here "
                f"{', '.join(odd[:5])}{more}",
            )  # fmt: skip
