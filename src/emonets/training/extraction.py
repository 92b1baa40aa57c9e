"""Features of clips for the specialists, extracted in one pass and kept in a feature store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emonets.contracts import Extractor, Features
from emonets.datasets.items import Item
from emonets.errors import DataError, EmoNetsError, MediaError
from emonets.media.clip import Clip
from emonets.media.piece import open_piece
from emonets.one_pass import read_clip
from emonets.runtime.parallel import run_each
from emonets.runtime.store import FeatureStore, content_digest, parameter_digest


def kept_as(
    extractor: Extractor, content: str, start: float | None = None, end: float | None = None
) -> str:
    """Name in a store of an extractor's features of a clip.

    Parameters
    ----------
    content : digest of the file. start, end : of the piece, seconds.
    """
    key = parameter_digest(extractor.version, dict(extractor.settings), start, end)
    return f"{extractor.kind}/{content[:2]}/{content}-{key}.safetensors"


@dataclass(frozen=True, eq=False)
class Extracted:
    """Features of labelled clips.

    Attributes
    ----------
    items : those that could be read. names : extractor → file names in the store, as the items.
    dropped : (file, why) of the others.
    made, reused : how many clips were read, and how many were in the store.
    """

    store: FeatureStore
    items: tuple[Item, ...]
    names: dict[Extractor, tuple[str, ...]]
    contents: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]
    made: int
    reused: int


@dataclass(frozen=True)
class _Job:
    path: Path
    start: float | None
    end: float | None
    outputs: tuple[tuple[Extractor, str], ...]
    store: FeatureStore


def extract_items(
    items: Sequence[Item],
    extractors: Sequence[Extractor],
    store: FeatureStore,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    on_clip: Callable[[int, int, float], Any] | None = None,
) -> Extracted:
    """Run extractors on clips; features that the store has are not made again.

    Parameters
    ----------
    workers : processes that read clips in parallel.
    scheduler : address of a Dask cluster that reads them. It requires access to clips and store.
    on_clip : called with how many clips are done, how many are to be read, and the share of their
        bytes that is done, 0..1. A long clip counts for more than a short one.

    Raises
    ------
    DataError : none of the clips can be read.
    EmoNetsError : the store cannot be written.
    """
    contents: list[str] = []
    kept: list[Item] = []
    dropped: list[tuple[str, str]] = []
    for item in items:
        try:
            contents.append(content_digest(item.path))
            kept.append(item)
        except DataError as error:
            dropped.append((str(item.path), str(error).removeprefix(f"{item.path}: ")))
    names = {
        e: [kept_as(e, c, i.start, i.end) for c, i in zip(contents, kept, strict=True)]
        for e in extractors
    }
    jobs: dict[tuple[str, ...], _Job] = {}
    for k, item in enumerate(kept):
        missing = tuple((e, names[e][k]) for e in extractors if not store.has(names[e][k]))
        if missing:  # copies of a file are read once
            key = tuple(name for _, name in missing)
            jobs.setdefault(key, _Job(item.path, item.start, item.end, missing, store))
    problems: dict[str, str] = {}
    todo = list(jobs.values())
    sizes, read = [size_of(job.path) for job in todo], 0
    for count, (i, problem) in enumerate(
        run_each(_extract, todo, workers=workers, scheduler=scheduler), 1
    ):
        if problem:
            problems |= {name: problem for _, name in todo[i].outputs}
        read += sizes[i]
        if on_clip is not None:
            on_clip(count, len(todo), read / max(sum(sizes), 1))
    whole = []
    for k, item in enumerate(kept):
        own = [names[e][k] for e in extractors]
        why = next((problems[n] for n in own if n in problems), "") or _kept_problem(store, own)
        if why:
            dropped.append((str(item.path), why))
        else:
            whole.append(k)
    if not whole:
        first = f", such as {dropped[0][0]}: {dropped[0][1]}" if dropped else ""
        raise DataError(f"none of {len(items)} clips can be read{first}")
    return Extracted(
        store,
        tuple(kept[k] for k in whole),
        {e: tuple(names[e][k] for k in whole) for e in extractors},
        tuple(contents[k] for k in whole),
        tuple(dropped),
        len(todo),
        len(kept) - len(todo),
    )


def size_of(path: Path) -> int:
    """Bytes of a clip, a file or a folder of pictures; 1 if they cannot be read."""
    try:
        files = path.iterdir() if path.is_dir() else [path]
        return max(sum(file.stat().st_size for file in files), 1)
    except OSError:
        return 1


def _kept_problem(store: FeatureStore, names: Sequence[str]) -> str:
    for name in names:
        about = store.about(name)
        if isinstance(about, Mapping) and about.get("problem"):
            return str(about["problem"])
    return ""


def _extract(job: _Job) -> str:
    """Write the missing features of a clip; returns the problem with it, or an empty text."""
    # another writer may have been faster
    missing = [(e, name) for e, name in job.outputs if not job.store.has(name)]
    if not missing:
        return ""
    try:
        clip = open_piece(job.path, job.start, job.end)
        found = taken_out(clip, [e for e, _ in missing])
    except MediaError as error:
        problem = error.reason if error.path == str(job.path) else str(error)
        for extractor, name in missing:  # so that it is not tried again every time
            job.store.write(name, {}, _about(job, extractor, problem))
        return problem
    except EmoNetsError:
        raise
    except Exception as error:  # one clip must not stop the others
        return f"unexpected: {error!r}"
    for extractor, name in missing:
        job.store.write(name, found[extractor], _about(job, extractor, ""))
    return ""


def _about(job: _Job, extractor: Extractor, problem: str) -> dict[str, Any]:
    from emonets.version import __version__

    return {
        "clip": job.path.name, "start": job.start, "end": job.end, "kind": extractor.kind,
        "version": extractor.version, "settings": dict(extractor.settings),
        "emonets": __version__, "problem": problem,
    }  # fmt: skip


def taken_out(clip: Clip, extractors: Sequence[Extractor]) -> dict[Extractor, Features]:
    """The features of each extractor of a clip, which is decoded once.

    A clip without pictures, or without sound, has arrays without an entry.

    Raises
    ------
    MediaError : it cannot be decoded.
    """
    readers = {str(n): extractor.open() for n, extractor in enumerate(extractors)}
    found = read_clip(clip, readers).features
    return {extractor: found[str(n)] for n, extractor in enumerate(extractors)}
