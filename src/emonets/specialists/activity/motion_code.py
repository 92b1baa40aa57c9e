"""Learning motion words without labels: blocks, whitening, autoencoder, words (paper 3.3)."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from emonets.bundle import packed
from emonets.learners.streamed_pca import StreamedPCA
from emonets.learners.synchrony.autoencoder import SynchronyAutoencoder
from emonets.runtime.files import try_folder, write_whole
from emonets.runtime.settings import to_table
from emonets.specialists.activity.blocks import (
    mean_contrast,
    normalise_blocks,
    sample_blocks,
)
from emonets.specialists.activity.clips import MotionClip, digest
from emonets.specialists.activity.code import MotionCode
from emonets.specialists.activity.filters import MotionFilters, Projection
from emonets.specialists.activity.pictures import Stream
from emonets.specialists.activity.settings import (
    ActivitySettings,
    activity_from_table,
    build_autoencoder,
    build_whitening,
    build_words,
)

log = logging.getLogger(__name__)

_ROWS = 4096  # blocks at a time


@dataclass(frozen=True, eq=False)
class Learned:
    """Filters, and what they were joined from.

    Attributes
    ----------
    whitening : of normalised blocks, in the basis where there is one.
    autoencoder : on whitened blocks.
    variance_kept : share of the blocks' variance that the whitening keeps.
    """

    filters: MotionFilters
    whitening: StreamedPCA
    autoencoder: SynchronyAutoencoder
    variance_kept: float

    def pictures(self) -> NDArray[np.float64]:
        """The filters as the whitening's inverse shows them, (F, 2560): the pattern of each."""
        size = np.sqrt(self.whitening.explained_variance_)
        shown = (self.autoencoder.weights_ * size) @ self.whitening.components_
        basis = self.filters.basis
        if basis is None:
            return np.asarray(shown)
        return np.asarray(shown.reshape(-1, basis.shape[1]) @ basis.T).reshape(len(shown), -1)


def fit_filters(
    clips: Sequence[MotionClip],
    settings: Mapping[str, Any],
    *,
    work: Path,
    seed: int = 0,
) -> Learned:
    """Learn the filters of motion: blocks, their whitening, the autoencoder.

    Parameters
    ----------
    settings : a preset's ``activity`` table; of it ``blocks`` and ``synchrony``.
    work : blocks are kept there, and the autoencoder after every epoch.

    Raises
    ------
    DataError : a clip, which is named, from which no block can be cut.
    """
    try_folder(work)
    options = activity_from_table(settings)
    cut, geometry = options.blocks, options.geometry()
    which = _names(clips)
    streams = [clip.stream() for clip in clips]
    blocks = kept_array(
        work / f"blocks-{digest(cut.count, cut.size, seed, which)}.npy",
        lambda: sample_blocks(streams, cut.count, shape=geometry.block, seed=seed),
    )
    log.info(f"{len(blocks)} blocks cut from {len(clips)} clips")
    contrast = mean_contrast(blocks)
    basis = _basis(blocks, contrast, cut.basis)
    whitening = build_whitening(options)
    for rows in _slices(len(blocks)):
        whitening.partial_fit(_written(blocks[rows], contrast, basis))
    whitening.solve()
    kept = float(whitening.explained_variance_.sum()) / whitening.total_variance_
    log.info(f"whitening: {len(whitening.components_)} components hold {kept:.2%} of the variance")
    white = np.empty((len(blocks), len(whitening.components_)), np.float32)
    for rows in _slices(len(blocks)):
        white[rows] = whitening.transform(_written(blocks[rows], contrast, basis))
    alike = to_table(options.synchrony)
    if options.synchrony.schedule == "constant":
        del alike["n_epochs"]  # of more epochs the first are the same
    place = work / f"synchrony-{digest(to_table(cut), alike, seed, which)}.safetensors"
    autoencoder = build_autoencoder(options, checkpoint=place, seed=seed)

    def progress(epoch: int, model: SynchronyAutoencoder) -> None:
        if epoch % max(1, model.n_epochs // 20) == 0:
            loss = model.history_["loss"][-1]
            log.info(f"autoencoder: epoch {epoch}/{model.n_epochs}  loss {loss:.4f}")

    autoencoder.fit(white, on_epoch=progress)
    filters = MotionFilters.join(
        whitening.mean_, whitening.matrix(), autoencoder.weights_, contrast, basis, geometry
    )
    return Learned(filters, whitening, autoencoder, kept)


def fit_code(
    clips: Sequence[MotionClip],
    settings: Mapping[str, Any],
    *,
    work: Path,
    seed: int = 0,
) -> tuple[MotionCode, dict[str, Any]]:
    """Learn what turns pictures into motion words, without labels.

    Blocks are cut, whitened and given to the autoencoder; super blocks are cut, described, reduced
    by PCA and clustered. What is done is kept in ``work`` under a name made of the settings and
    of the clips, the autoencoder after every epoch.

    Returns
    -------
    The code, and what each stage came to.

    Raises
    ------
    DataError : a clip, which is named, from which no block can be cut.
    """
    try_folder(work)
    options = activity_from_table(settings)
    parts = (options.blocks, options.synchrony, options.superblocks, options.words)
    tables = [to_table(part) for part in parts]
    key = digest(tables, seed, _names(clips))
    place = work / f"code-{key}.safetensors"
    if place.exists():
        return _read_code(place)
    began = time.monotonic()

    learned = fit_filters(clips, settings, work=work, seed=seed)
    streams = [clip.stream() for clip in clips]
    filters = learned.filters
    projection, descriptors = _reduced(streams, filters, options, seed)
    words = build_words(options, seed=seed).fit(descriptors)
    log.info(f"{len(words.words_)} words of {len(descriptors)} super blocks")
    stages = {
        "contrast": filters.contrast,
        "variance_kept": learned.variance_kept,
        "loss": learned.autoencoder.history_["loss"][-1],
        "epochs": learned.autoencoder.n_iter_,
        "inertia": words.inertia_,
        "code_minutes": round((time.monotonic() - began) / 60, 1),
    }
    code = MotionCode(filters, projection, words)
    _write_code(place, code, stages)
    return code, stages


def kept_array(place: Path, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """An array of an earlier run, or a new one that is kept for the next."""
    if not place.exists():
        buffer = io.BytesIO()
        np.save(buffer, make(), allow_pickle=False)
        write_whole(place, buffer.getvalue())
    kept: NDArray[Any] = np.load(place, mmap_mode="r", allow_pickle=False)
    return kept


def _reduced(
    streams: Sequence[Stream],
    filters: MotionFilters,
    options: ActivitySettings,
    seed: int,
) -> tuple[Projection, NDArray[np.float32]]:
    """PCA of the descriptors of random super blocks, and the reduced descriptors themselves."""
    superblocks = options.superblocks
    blocks = sample_blocks(streams, superblocks.count, shape=superblocks.size, seed=seed + 1)
    pca = StreamedPCA(superblocks.components)
    for rows in _slices(len(blocks)):
        pca.partial_fit(filters.describe(blocks[rows]))
    pca.solve()
    kept = float(pca.explained_variance_.sum()) / max(pca.total_variance_, 1e-300)
    log.info(f"super blocks: {len(pca.components_)} components hold {kept:.2%} of the variance")
    projection = Projection(pca.mean_.astype(np.float32), pca.components_.astype(np.float32))
    reduced = [projection(filters.describe(blocks[rows])) for rows in _slices(len(blocks))]
    return projection, np.concatenate(reduced)


def _basis(
    blocks: NDArray[np.uint8], contrast: float, width: int | None
) -> NDArray[np.float64] | None:
    """(256, width) principal components of single frames of blocks; None without a width."""
    if not width:
        return None
    pca = StreamedPCA(int(width))
    for rows in _slices(len(blocks)):
        part = normalise_blocks(blocks[rows], contrast)
        pca.partial_fit(part.reshape(-1, int(np.prod(blocks.shape[2:]))))
    return pca.solve().components_.T


def _written(
    blocks: NDArray[np.uint8], contrast: float, basis: NDArray[np.float64] | None
) -> NDArray[np.float32]:
    """Blocks as the whitening takes them: normalised, and in the basis where there is one."""
    x = normalise_blocks(blocks, contrast)
    if basis is None:
        return x
    return np.asarray(x.reshape(-1, len(basis)) @ basis.astype(np.float32)).reshape(len(x), -1)


def _names(clips: Sequence[MotionClip]) -> list[Any]:
    return [(clip.key, clip.longest, clip.tubes is not None) for clip in clips]


def _slices(n: int) -> list[slice]:
    return [slice(start, start + _ROWS) for start in range(0, n, _ROWS)]


def _write_code(place: Path, code: MotionCode, stages: Mapping[str, Any]) -> None:
    arrays = {
        f"{part}/{name}": array
        for part, of in code.to_arrays().items()
        for name, array in of.items()
    }
    text = np.frombuffer(json.dumps(stages).encode(), np.uint8)
    write_whole(place, packed({**arrays, "stages": text}))


def _read_code(place: Path) -> tuple[MotionCode, dict[str, Any]]:
    arrays = load(place.read_bytes())
    stages = json.loads(arrays.pop("stages").tobytes())
    parts: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in arrays.items():
        part, _, of = name.partition("/")
        parts.setdefault(part, {})[of] = array
    return MotionCode.from_arrays(parts), stages
