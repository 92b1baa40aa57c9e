"""Training a network on faces as it is done today. Imported only where one trains.

Gradient descent with Nesterov's momentum along one cosine, batch normalisation, pictures that are
changed at random, targets that are distributions, weights averaged over steps; if there are
teachers, their answers to the very same changed picture are targets, too (Hinton et al. 2015).
"""

from __future__ import annotations

import copy
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError, MissingExtraError, ParameterError
from emonets.runtime.files import write_whole
from emonets.specialists.face.network.augment import FaceAugmentation
from emonets.specialists.face.network.layers import Network

try:
    import torch
    from safetensors import safe_open
    from safetensors.numpy import save
    from torch import Tensor, nn
    from torch.nn import functional as F  # noqa: N812

    from emonets.specialists.face.network.augment_torch import Changes, changed, draw_changes
    from emonets.specialists.face.network.torch import (
        History,
        arrays,
        build,
        fast_bfloat16,
        load_arrays,
        renormalise,
    )
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("training a network", "train") from error

Arrays = dict[str, NDArray[np.float32]]
_LAYOUT: dict[str, Any] = {"memory_format": torch.channels_last}

_WARM_UP = 0.04
"""Part of the steps in which the rate rises."""

_SAMPLE = 1024
"""Pictures from which a network to begin from learns what its maps are like."""

_SAVE_SECONDS = 30.0
"""Between two checkpoints at least."""


@dataclass(frozen=True)
class Recipe:
    """The numbers of a run; see ``modern_convnet.ModernConvNetClassifier``."""

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


def find_device(name: str) -> torch.device:
    """``auto`` is a graphics card where torch has one, or else the processor."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ParameterError("device 'cuda': torch finds no graphics card here; say cpu or auto")
    try:
        return torch.device(name)
    except RuntimeError:
        raise ParameterError(f"device {name!r} is unknown; say auto, cpu or cuda") from None


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
    teachers : networks, for pictures of the same crop, whose mean answer to every batch has the
        weight ``recipe.teaching`` in the loss.
    taught : (views, n, classes) their answers instead, as :func:`teach` gives them.
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
    run = _Run(network, recipe, start, sample, where)
    masters = [_ready(shape, values, recipe.crop, where) for shape, values in teachers]
    history, best = History(), arrays(run.model, network)
    key = _key(network, recipe, augmentation, targets, len(teachers), start is not None)
    if checkpoint is not None and checkpoint.exists():
        best, history = run.resume(checkpoint, key, best)
    answers = None if taught is None else torch.from_numpy(taught).to(where)
    steps = max(1, len(x) // recipe.batch_size)
    saved = time.monotonic()
    for epoch in range(len(history.loss), recipe.epochs):
        started = time.monotonic()
        # Generators of their own for every epoch: a resumed run draws what an unbroken one does.
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch + 1)
        torch.manual_seed(recipe.seed * 1_000_003 + epoch + 1)
        target = y
        if answers is not None:
            target = torch.lerp(y, answers[epoch % recipe.views].float(), recipe.teaching)
        total = torch.zeros((), device=where)
        run.model.train()
        with _fastest(where):
            batches = _batches(x, target, recipe, augmentation, epoch, generator)
            for step, (batch, wanted) in enumerate(batches, epoch * steps):
                total += run.step(batch, wanted, masters, step, steps * recipe.epochs)
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
    """An epoch's changed pictures and what is wanted of them, in an order drawn anew."""
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
        batch, wanted = changed(x[index], recipe.crop, changes.of(index)), target[index]
        if part < 1:  # mixed with the neighbours
            batch = torch.lerp(batch.roll(1, 0), batch, part)
            wanted = torch.lerp(wanted.roll(1, 0), wanted, part)
        yield batch, wanted


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
    """The mean answers of networks to every view of pictures (n, side, side): (views, n, classes).

    A view is one change of every picture, the same in every run.
    """
    where = find_device(device)
    masters = [_ready(network, values, crop, where) for network, values in teachers]
    x, found = torch.from_numpy(images).to(where), []
    cast = autocast and (where.type != "cpu" or fast_bfloat16())
    with torch.inference_mode(), torch.autocast(where.type, torch.bfloat16, enabled=cast):
        for view in range(first_view, first_view + views):
            changes = _view(view, len(x), x.shape[-1], crop, augmentation).to(where)
            answers = []
            for index in torch.arange(len(x), device=where).split(512):  # type: ignore[no-untyped-call]
                batch = changed(x[index], crop, changes.of(index)).contiguous(**_LAYOUT)
                answers.append(_answer(masters, batch))
            found.append(torch.cat(answers).cpu().numpy().astype(np.float16))
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


@contextmanager
def _fastest(where: torch.device) -> Iterator[None]:
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


def _answer(masters: Sequence[nn.Module], batch: Tensor) -> Tensor:
    return torch.stack([m(batch).float().softmax(1) for m in masters]).mean(0)


class _Run:
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
        self.model = model.to(where, **_LAYOUT)
        if sample is not None:
            renormalise(self.model, sample.contiguous(**_LAYOUT))
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
        batch = batch.contiguous(**_LAYOUT)
        with torch.autocast(self.where.type, torch.bfloat16, enabled=self.cast):
            logits = self.model(batch).float()
            if masters:
                with torch.no_grad():
                    target = torch.lerp(target, _answer(masters, batch), recipe.teaching)
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
    sample = torch.randn(shape, device=where).contiguous(**_LAYOUT)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    with _fastest(where), torch.autocast("cuda", torch.bfloat16, enabled=cast, cache_enabled=False):
        torch.cuda.make_graphed_callables(model, (sample,), num_warmup_iters=5)
    for name, value in model.state_dict().items():
        value.copy_(before[name])  # the trial runs moved the running means
    for parameter in model.parameters():
        parameter.grad = None


def _ready(network: Network, values: Arrays, crop: int, where: torch.device) -> nn.Module:
    """A trained network that only answers."""
    master = build(network, crop)
    load_arrays(master, network, values)
    answering: nn.Module = master.to(where, **_LAYOUT).eval()
    return answering


def _schedule(optimiser: torch.optim.Optimizer, step: int, steps: int, peak: float) -> None:
    rise = max(1.0, _WARM_UP * steps)
    if step < rise:
        rate = peak * (step + 1) / rise
    else:
        rate = peak * (0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))
    for group in optimiser.param_groups:
        group["lr"] = min(rate, peak)


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
