"""Training a network on faces as it is done today. Imported only where one trains.

Gradient descent with Nesterov's momentum along one cosine, batch normalisation, pictures that are
changed at random, targets that are distributions, weights averaged over steps; if there are
teachers, their predictions of the very same changed picture are targets, too (Hinton et al. 2015).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError, MissingExtraError, ParameterError
from emonets.specialists.face.network.augment import FaceAugmentation
from emonets.specialists.face.network.layers import Network

try:
    import torch
    from torch import Tensor, nn

    from emonets.specialists.face.network.augment_torch import Changes, changed, draw_changes
    from emonets.specialists.face.network.modern_run import (
        LAYOUT,
        Arrays,
        Recipe,
        Run,
        fastest,
        mean_probabilities,
    )
    from emonets.specialists.face.network.torch import History, fast_bfloat16
    from emonets.specialists.face.network.torch_modules import arrays, build, load_arrays
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("training a network", "train") from error

_SAMPLE = 1024
"""Pictures whose statistics set the batch normalisation of a network to begin from."""

_SAVE_SECONDS = 30.0
"""Between two checkpoints at least."""


def find_device(name: str) -> torch.device:
    """``auto`` is a graphics card where torch has one, or else the processor."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ParameterError("device 'cuda': torch finds no graphics card here; use cpu or auto")
    try:
        return torch.device(name)
    except RuntimeError:
        raise ParameterError(f"device {name!r} is unknown; use auto, cpu or cuda") from None


def train(
    network: Network,
    images: NDArray[np.float32],
    targets: NDArray[np.float32],
    recipe: Recipe,
    augmentation: FaceAugmentation,
    score: Callable[[Arrays], float] | None = None,
    *,
    start: Arrays | None = None,
    teachers: Sequence[tuple[Network, Arrays]] = (),
    taught: NDArray[np.float16] | None = None,
    device: str = "auto",
    checkpoint: Path | None = None,
    progress: Callable[[int, History], None] | None = None,
) -> tuple[Arrays, History]:
    """Train a network and return its averaged arrays of the best epoch, and the history.

    Parameters
    ----------
    images : (n, side, side) float32, the mean already subtracted.
    targets : (n, classes) float32, probabilities.
    score : what to maximise; called with the averaged arrays after every epoch. Without one the
        last epoch is kept.
    start : arrays to begin from instead of random ones.
    teachers : networks, for pictures of the same crop, whose mean prediction of every batch has the
        weight ``recipe.teaching`` in the loss.
    taught : (views, n, classes) their predictions instead, as :func:`teach` gives them.
    checkpoint : a safetensors file; written after an epoch, twice a minute at most, and where it
        exists the run goes on from it with the same random numbers as if it had never stopped.

    Raises
    ------
    DataError : the checkpoint belongs to another run, or the loss diverged.
    """
    where = find_device(device)
    x, y = torch.from_numpy(images).to(where), torch.from_numpy(targets).to(where)
    sample = None
    if start is not None:
        n = min(len(x), _SAMPLE)
        changes = _view(recipe.first_view, n, x.shape[-1], recipe.crop, augmentation).to(where)
        sample = changed(x[:n], recipe.crop, changes)
    run = Run(network, recipe, start, sample, where)
    masters = [_ready(shape, values, recipe.crop, where) for shape, values in teachers]
    history, best = History(), arrays(run.model, network)
    key = _key(network, recipe, augmentation, targets, len(teachers), start is not None)
    if checkpoint is not None and checkpoint.exists():
        best, history = run.resume(checkpoint, key, best)
    predictions = None if taught is None else torch.from_numpy(taught).to(where)
    steps = max(1, len(x) // recipe.batch_size)
    saved = time.monotonic()
    for epoch in range(len(history.loss), recipe.epochs):
        started = time.monotonic()
        # Generators of their own for every epoch: a resumed run draws what an unbroken one does.
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch + 1)
        torch.manual_seed(recipe.seed * 1_000_003 + epoch + 1)
        target = y
        if predictions is not None:
            target = torch.lerp(y, predictions[epoch % recipe.views].float(), recipe.teaching)
        total = torch.zeros((), device=where)
        run.model.train()
        with fastest(where):
            batches = _batches(x, target, recipe, augmentation, epoch, generator)
            for step, (batch, aims) in enumerate(batches, epoch * steps):
                total += run.step(batch, aims, masters, step, steps * recipe.epochs)
        mean = float(total) / steps
        if not math.isfinite(mean):
            raise DataError(
                f"the loss is no longer finite in epoch {epoch + 1}; lower the learning rate "
                "or check the pictures' range (0..255)"
            )
        history.loss.append(mean)
        current = run.averaged()
        if score is not None:
            history.score.append(score(current))
        if score is None or history.best == epoch:
            best = current
        history.seconds.append(time.monotonic() - started)
        due = epoch + 1 == recipe.epochs or time.monotonic() - saved >= _SAVE_SECONDS
        if checkpoint is not None and due:
            run.save(checkpoint, key, best, history)
            saved = time.monotonic()
        if progress is not None:
            progress(epoch, history)
    return best, history


def _batches(
    x: Tensor,
    target: Tensor,
    recipe: Recipe,
    augmentation: FaceAugmentation,
    epoch: int,
    generator: torch.Generator,
) -> Iterator[tuple[Tensor, Tensor]]:
    """An epoch's changed pictures and their targets, in an order drawn anew."""
    where, size = x.device, recipe.batch_size
    order = torch.randperm(len(x), generator=generator).to(where)
    parts = _parts_of_batches(max(1, len(x) // size), augmentation, generator)
    if recipe.views:
        view = recipe.first_view + epoch % recipe.views
        changes = _view(view, len(x), x.shape[-1], recipe.crop, augmentation)
    else:
        changes = draw_changes(len(x), x.shape[-1], recipe.crop, augmentation, generator)
    changes = changes.to(where)
    for step, part in enumerate(parts):
        index = order[step * size : (step + 1) * size]
        batch, targets = changed(x[index], recipe.crop, changes.of(index)), target[index]
        if part < 1:  # mixed with the neighbours
            batch = torch.lerp(batch.roll(1, 0), batch, part)
            targets = torch.lerp(targets.roll(1, 0), targets, part)
        yield batch, targets


def teach(
    teachers: Sequence[tuple[Network, Arrays]],
    images: NDArray[np.float32],
    crop: int,
    views: int,
    augmentation: FaceAugmentation,
    *,
    first_view: int = 0,
    device: str = "auto",
    autocast: bool = True,
) -> NDArray[np.float16]:
    """Mean predictions of networks for every view of pictures: (views, n, classes).

    ``images`` are (n, side, side) float32, the mean already subtracted.
    A view is one change of every picture, the same in every run.
    """
    where = find_device(device)
    masters = [_ready(network, values, crop, where) for network, values in teachers]
    x, found = torch.from_numpy(images).to(where), []
    cast = autocast and (where.type != "cpu" or fast_bfloat16())
    with torch.inference_mode(), torch.autocast(where.type, torch.bfloat16, enabled=cast):
        for view in range(first_view, first_view + views):
            changes = _view(view, len(x), x.shape[-1], crop, augmentation).to(where)
            predictions = []
            for index in torch.arange(len(x), device=where).split(512):  # type: ignore[no-untyped-call]
                batch = changed(x[index], crop, changes.of(index)).contiguous(**LAYOUT)
                predictions.append(mean_probabilities(masters, batch))
            found.append(torch.cat(predictions).cpu().numpy().astype(np.float16))
    return np.stack(found)


def _view(view: int, n: int, side: int, crop: int, augmentation: FaceAugmentation) -> Changes:
    return draw_changes(n, side, crop, augmentation, torch.Generator().manual_seed(view))


def _parts_of_batches(
    steps: int, augmentation: FaceAugmentation, generator: torch.Generator
) -> list[float]:
    """How much of itself each batch keeps when pictures are mixed; 1 where they are not."""
    if not augmentation.mixup:
        return [1.0] * steps
    rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
    drawn = rng.beta(augmentation.mixup, augmentation.mixup, steps)
    mixed = rng.random(steps) < augmentation.mixed
    parts: list[float] = np.where(mixed, np.maximum(drawn, 1 - drawn), 1.0).tolist()
    return parts


def _ready(network: Network, values: Arrays, crop: int, where: torch.device) -> nn.Module:
    """A trained network that only predicts."""
    master = build(network, crop)
    load_arrays(master, network, values)
    ready: nn.Module = master.to(where, **LAYOUT).eval()
    return ready


def _key(
    network: Network,
    recipe: Recipe,
    augmentation: FaceAugmentation,
    targets: NDArray[np.float32],
    teachers: int,
    started: bool,
) -> str:
    return json.dumps(
        {
            "network": [[layer.kind, asdict(layer)] for layer in network],
            "recipe": asdict(recipe),
            "augmentation": asdict(augmentation),
            "pictures": [*targets.shape, round(float(targets.max(axis=1).mean()), 6)],
            "teachers": teachers,
            "started": started,
        }
    )
