"""Training a convolutional network with torch (paper 3.1.2). Imported only where one trains.

The update is cuda-convnet's: with the gradient averaged over the minibatch,
``v <- momentum * v - rate * decay * w - rate * gradient;  w <- w + v``; so a decay of 0.004
means that a weight loses ``rate * 0.004`` of itself per *update*, not per epoch.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import emonets.runtime.graph_builder  # noqa: F401 - its package must be there before hours of work
from emonets.errors import DataError, MissingExtraError
from emonets.runtime.files import write_whole
from emonets.specialists.face.network.layers import Network, parameter_shapes

try:
    import torch
    from safetensors import safe_open
    from safetensors.numpy import save
    from torch import Tensor, nn
    from torch.nn import functional as F  # noqa: N812

    from emonets.specialists.face.network.torch_modules import (
        arrays,
        build,
        initialise,
        load_arrays,
        weighted_modules,
    )
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("training a network", "train") from error


def fast_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16 by instructions of its own; one that has to
    imitate them is ten times slower than in single precision."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in checks)


@dataclass(frozen=True)
class Recipe:
    """The numbers of a training run (paper 3.1.2). Rates are per minibatch average."""

    crop: int = 40
    epochs: int = 453
    batch_size: int = 128
    weight_rate: float = 0.001
    bias_rate: float = 0.002
    momentum: float = 0.9
    rate_drops: tuple[int, ...] = ()
    """Epochs after which both rates are divided by ten."""
    patience: int = 0
    """Stop after so many epochs without a better validation score; 0: never."""
    autocast: bool = True
    """Multiply in bfloat16 where the processor can (2-4 times faster); weights stay float32."""
    seed: int = 0
    flip: float = 0.5
    """Probability with which a crop is mirrored."""


@dataclass
class History:
    """What happened, epoch by epoch (index 0 is the first epoch)."""

    loss: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def best(self) -> int:
        """The epoch (0-based) of the best validation score, the first of equals."""
        return int(np.argmax(self.score)) if self.score else -1


def _random_crops(
    images: Tensor, index: Tensor, crop: int, generator: torch.Generator, flip: float = 0.5
) -> Tensor:
    """Random crops, mirrored with probability ``flip``: (n, 1, crop, crop)."""
    n, side = len(index), images.shape[-1]
    top = torch.randint(0, side - crop + 1, (n, 1), generator=generator)
    left = torch.randint(0, side - crop + 1, (n, 1), generator=generator)
    span = torch.arange(crop)
    mirrored = torch.rand((n, 1), generator=generator) < flip
    columns = left + torch.where(mirrored, span.flip(0), span)
    return images[index[:, None, None], (top + span)[:, :, None], columns[:, None, :]].unsqueeze(1)


def train(
    network: Network,
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    recipe: Recipe,
    score: Callable[[dict[str, NDArray[np.float32]]], float] | None = None,
    *,
    checkpoint: Path | None = None,
    progress: Callable[[int, History], None] | None = None,
) -> tuple[dict[str, NDArray[np.float32]], History]:
    """Train a network and return its best arrays and the history.

    Parameters
    ----------
    images : (n, side, side) float32, the training mean already subtracted.
    labels : (n,) int64 classes from 0.
    score : what to maximise; called with the arrays after every epoch. Without one the last
        epoch is kept.
    checkpoint : a safetensors file; written after every epoch, and where it exists the run goes
        on from it with the same random numbers as if it had never stopped.

    Raises
    ------
    DataError : the checkpoint belongs to another network or recipe, or the loss diverged.
    """
    model = build(network, recipe.crop).to(memory_format=torch.channels_last)  # type: ignore
    initialise(model, network, recipe.seed)
    autocast = recipe.autocast and fast_bfloat16()
    groups = []
    for _, layer, module in weighted_modules(model, network):
        groups.append(
            {"params": [module.weight], "lr": recipe.weight_rate, "weight_decay": layer.decay}
        )
        groups.append({"params": [module.bias], "lr": recipe.bias_rate, "weight_decay": 0.0})
    optimiser = torch.optim.SGD(groups, lr=recipe.weight_rate, momentum=recipe.momentum)
    history = History()
    best = arrays(model, network)
    if checkpoint is not None and checkpoint.exists():
        best, history = _resume(checkpoint, model, network, optimiser, recipe)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    for epoch in range(len(history.loss), recipe.epochs):
        if recipe.patience and history.score and epoch - 1 - history.best >= recipe.patience:
            break
        started = time.monotonic()
        drops = sum(epoch >= e for e in recipe.rate_drops)
        for i, group in enumerate(optimiser.param_groups):
            group["lr"] = (recipe.bias_rate if i % 2 else recipe.weight_rate) / 10**drops
        # One generator an epoch: a resumed run draws what the uninterrupted one would have.
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch + 1)
        total = 0.0
        model.train()
        for index in torch.randperm(len(x), generator=generator).split(  # type: ignore[no-untyped-call]
            recipe.batch_size
        ):
            batch = _random_crops(x, index, recipe.crop, generator, recipe.flip)
            batch = batch.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                logits = model(batch)
            loss = F.cross_entropy(logits.float(), y[index])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += float(loss.detach()) * len(index)
        if not math.isfinite(total):
            raise DataError(
                f"the loss is no longer finite in epoch {epoch + 1}; lower the learning rate "
                "or check the pictures' range (0..255)"
            )
        history.loss.append(total / len(x))
        current = arrays(model, network)
        if score is not None:
            history.score.append(score(current))
            if history.best == epoch:
                best = current
        else:
            best = current
        history.seconds.append(time.monotonic() - started)
        if checkpoint is not None:
            _save(checkpoint, current, best, optimiser, recipe, history)
        if progress is not None:
            progress(epoch, history)
    return best, history


def probabilities(
    network: Network,
    values: dict[str, NDArray[np.float32]],
    pictures: NDArray[np.float32],
    *,
    autocast: bool = False,
    device: str = "cpu",
) -> NDArray[np.float32]:
    """(n, 1, side, side) → (n, classes), by torch; for scoring while training."""
    model = build(network, pictures.shape[-1]).to(memory_format=torch.channels_last)  # type: ignore
    load_arrays(model, network, values)
    model.to(device).eval()
    autocast = autocast and (device != "cpu" or fast_bfloat16())
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=autocast):
        parts = [
            model(batch.to(device).contiguous(memory_format=torch.channels_last)).float().softmax(1)
            for batch in torch.split(torch.from_numpy(pictures), 256)
        ]
    return torch.cat(parts).cpu().numpy()


def _recipe_key(recipe: Recipe) -> dict[str, Any]:
    """What must be equal for a run to go on; how long it goes on may change."""
    free = {"epochs", "patience", "rate_drops"}
    return {k: v for k, v in recipe.__dict__.items() if k not in free}


def _save(
    path: Path,
    current: dict[str, NDArray[np.float32]],
    best: dict[str, NDArray[np.float32]],
    optimiser: torch.optim.SGD,
    recipe: Recipe,
    history: History,
) -> None:
    tensors = {f"current.{k}": v for k, v in current.items()}
    tensors |= {f"best.{k}": v for k, v in best.items()}
    for i, group in enumerate(optimiser.param_groups):
        velocity = optimiser.state[group["params"][0]]["momentum_buffer"]
        tensors[f"velocity.{i}"] = velocity.contiguous().numpy()
    metadata = {"recipe": json.dumps(_recipe_key(recipe)), "history": json.dumps(history.__dict__)}
    write_whole(path, save(tensors, metadata))


def _resume(
    path: Path, model: nn.Sequential, network: Network, optimiser: torch.optim.SGD, recipe: Recipe
) -> tuple[dict[str, NDArray[np.float32]], History]:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
        saved = json.loads(metadata["recipe"])
        history = History(**json.loads(metadata["history"]))
    except Exception as error:
        raise DataError(
            f"{path}: not a training checkpoint ({error}); delete it to start anew"
        ) from None
    if saved != json.loads(json.dumps(_recipe_key(recipe))):
        raise DataError(f"{path}: made with other settings ({saved}); delete it to start anew")
    shapes = parameter_shapes(network, recipe.crop)
    current = {k: tensors.get(f"current.{k}") for k in shapes}
    if any(v is None or tuple(v.shape) != shapes[k] for k, v in current.items()):
        raise DataError(
            f"{path}: this checkpoint belongs to another network; delete it to start anew"
        )
    load_arrays(model, network, current)
    for i, group in enumerate(optimiser.param_groups):
        parameter = group["params"][0]
        velocity = torch.empty_like(parameter)
        velocity.copy_(tensors[f"velocity.{i}"])
        optimiser.state[parameter]["momentum_buffer"] = velocity
    return {k: tensors[f"best.{k}"].numpy() for k in shapes}, history
