"""One run of the modern training: the network, its averaged weights, its updates, its checkpoint.

The loop over epochs is in `emonets.specialists.face.network.modern_torch`.
"""

from __future__ import annotations

import copy
import json
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError, MissingExtraError
from emonets.runtime.files import write_whole
from emonets.specialists.face.network.layers import Network

try:
    import torch
    from safetensors import safe_open
    from safetensors.numpy import save
    from torch import Tensor, nn
    from torch.nn import functional as F  # noqa: N812

    from emonets.specialists.face.network.torch import History, fast_bfloat16
    from emonets.specialists.face.network.torch_modules import (
        arrays,
        build,
        load_arrays,
        renormalise,
    )
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("training a network", "train") from error

Arrays = dict[str, NDArray[np.float32]]
LAYOUT: dict[str, Any] = {"memory_format": torch.channels_last}


_WARM_UP = 0.04
"""Part of the steps in which the rate rises."""


@dataclass(frozen=True)
class Recipe:
    """The numbers of a run; see `ModernConvNetClassifier`."""

    crop: int = 44
    epochs: int = 100
    batch_size: int = 128
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    averaging: float = 0.999
    teaching: float = 0.0
    views: int = 0
    first_view: int = 0
    autocast: bool = True
    seed: int = 0


@contextmanager
def fastest(where: torch.device) -> Iterator[None]:
    """On a card, let cuDNN try which of its ways is the fastest; all batches have one shape."""
    if where.type != "cuda":
        yield
        return
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def mean_probabilities(masters: Sequence[nn.Module], batch: Tensor) -> Tensor:
    return torch.stack([m(batch).float().softmax(1) for m in masters]).mean(0)


class Run:
    """A network being trained, the average of its weights, and the descent's velocities."""

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        start: Arrays | None,
        sample: Tensor | None,
        where: torch.device,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.network, self.recipe, self.where = network, recipe, where
        self.cast = recipe.autocast and (where.type != "cpu" or fast_bfloat16())
        model = build(network, recipe.crop)
        if start is not None:
            load_arrays(model, network, start)
        self.model = model.to(where, **LAYOUT)
        if sample is not None:
            renormalise(self.model, sample.contiguous(**LAYOUT))
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        free = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.SGD(
            [
                {"params": decayed, "weight_decay": recipe.weight_decay},
                {"params": free, "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0,
            fused=where.type == "cuda" or None,
        )  # fmt: skip
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.judged = copy.deepcopy(self.model)
        if where.type == "cuda":
            try:
                _capture(self.model, recipe, where, self.cast)
            except RuntimeError as error:  # the card or this torch cannot
                warnings.warn(f"training goes on step by step: {error}", stacklevel=2)
        pairs = [(self.average[name], value) for name, value in self.model.state_dict().items()]
        self.floats = [p for p in pairs if p[1].dtype.is_floating_point]
        # batch normalisation's count of batches
        self.counts = [p for p in pairs if not p[1].dtype.is_floating_point]

    def step(
        self, batch: Tensor, target: Tensor, masters: Sequence[nn.Module], count: int, of: int
    ) -> Tensor:
        """One update; returns the loss."""
        recipe = self.recipe
        _schedule(self.optimiser, count, of, recipe.learning_rate)
        batch = batch.contiguous(**LAYOUT)
        with torch.autocast(self.where.type, torch.bfloat16, enabled=self.cast):
            logits = self.model(batch).float()
            if masters:
                with torch.no_grad():
                    target = torch.lerp(target, mean_probabilities(masters, batch), recipe.teaching)
        loss = F.cross_entropy(logits, target)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        keep = min(recipe.averaging, (2 + count) / (11 + count))
        with torch.no_grad():
            own, now = zip(*self.floats, strict=True)
            torch._foreach_lerp_(own, now, 1.0 - keep)
            for count_, value in self.counts:
                count_.copy_(value)
        return loss.detach()

    def averaged(self) -> Arrays:
        """The averaged weights as plain arrays."""
        self.judged.load_state_dict(self.average)
        return arrays(self.judged, self.network)

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.optimiser.param_groups for p in group["params"]]

    def save(self, path: Path, key: str, best: Arrays, history: History) -> None:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.items()}
        for i, parameter in enumerate(self._parameters()):
            if "momentum_buffer" in self.optimiser.state[parameter]:
                tensors[f"velocity.{i}"] = self.optimiser.state[parameter]["momentum_buffer"]
        content = {k: v.detach().cpu().contiguous().numpy() for k, v in tensors.items()}
        content |= {f"best.{k}": v for k, v in best.items()}
        write_whole(path, save(content, {"key": key, "history": json.dumps(history.__dict__)}))

    def resume(self, path: Path, key: str, names: Arrays) -> tuple[Arrays, History]:
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
            saved, history = json.loads(metadata["key"]), History(**json.loads(metadata["history"]))
        except Exception as error:
            raise DataError(
                f"{path}: not a training checkpoint ({error}); delete it to start anew"
            ) from None
        if saved != json.loads(key):  # as numbers: 10 is 10.0
            raise DataError(
                f"{path}: made with other settings or pictures; delete it to start anew"
            )
        self.model.load_state_dict({k: tensors[f"model.{k}"] for k in self.average})
        for name, value in self.average.items():
            value.copy_(tensors[f"average.{name}"])
        for i, parameter in enumerate(self._parameters()):
            if f"velocity.{i}" in tensors:
                velocity = torch.empty_like(parameter).copy_(tensors[f"velocity.{i}"])
                self.optimiser.state[parameter]["momentum_buffer"] = velocity
        return {k: tensors[f"best.{k}"].numpy() for k in names}, history


def _capture(model: nn.Module, recipe: Recipe, where: torch.device, cast: bool) -> None:
    """Let a card replay the network's pass and its way back as one; a step is some two hundred
    small pieces of work, and handing them over one by one takes longer than the work."""
    shape = recipe.batch_size, 1, recipe.crop, recipe.crop
    sample = torch.randn(shape, device=where).contiguous(**LAYOUT)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    with fastest(where), torch.autocast("cuda", torch.bfloat16, enabled=cast, cache_enabled=False):
        torch.cuda.make_graphed_callables(model, (sample,), num_warmup_iters=5)
    for name, value in model.state_dict().items():
        value.copy_(before[name])  # the trial runs moved the running means
    for parameter in model.parameters():
        parameter.grad = None


def _schedule(optimiser: torch.optim.Optimizer, step: int, steps: int, peak: float) -> None:
    rise = max(1.0, _WARM_UP * steps)
    if step < rise:
        rate = peak * (step + 1) / rise
    else:
        rate = peak * (0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))
    for group in optimiser.param_groups:
        group["lr"] = min(rate, peak)
