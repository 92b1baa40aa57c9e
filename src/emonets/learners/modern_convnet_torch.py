"""Training a network on faces as it is done today. Imported only where one trains.

Gradient descent with Nesterov's momentum along one cosine, batch normalisation, pictures that are
changed at random, targets that are distributions, weights averaged over steps; if there are
teachers, their answers to the very same changed picture are targets, too (Hinton et al. 2015).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError, MissingExtraError, ParameterError
from emonets.files import write_whole
from emonets.learners.face_augment import FaceAugmentation
from emonets.learners.network import Network

try:
    import torch
    from safetensors import safe_open
    from safetensors.numpy import save
    from torch import Tensor, nn
    from torch.nn import functional as F  # noqa: N812

    from emonets.learners.convnet_torch import (
        History,
        arrays,
        build,
        fast_bfloat16,
        load_arrays,
    )
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("training a network", "train") from error

Arrays = dict[str, NDArray[np.float32]]
_LAYOUT: dict[str, Any] = {"memory_format": torch.channels_last}

_WARM_UP = 0.04
"""Part of the steps in which the rate rises."""


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


def change(
    pictures: Tensor, crop: int, augmentation: FaceAugmentation, generator: torch.Generator
) -> Tensor:
    """Pictures (n, side, side) → (n, 1, crop, crop), each changed by chance.

    What is drawn comes from the processor's generator, wherever the pictures are, so that a
    graphics card sees the same changes.
    """
    n, side = len(pictures), pictures.shape[-1]
    device = pictures.device

    def draw(*shape: int) -> Tensor:
        return torch.rand((n, *shape), generator=generator)

    def either(width: float) -> Tensor:
        return (draw() * 2 - 1) * width

    warped = draw() < augmentation.warp
    angle = torch.deg2rad(either(augmentation.turn)) * warped
    scale = 1 + either(augmentation.scale) * warped
    stretch = 1 + either(augmentation.scale / 4) * warped
    mirrored = torch.where(draw() < 0.5, -1.0, 1.0)
    moved = torch.stack([either(augmentation.shift), either(augmentation.shift)], dim=1)
    # with whole pixels nothing is interpolated
    moved = torch.where(warped[:, None], moved, moved.round())
    if (side - crop) % 2:
        moved = moved + torch.where(warped[:, None], 0.0, 0.5)
    # Output pixel p of a crop around 0 comes from the picture's pixel middle + M p + moved.
    cos, sin = angle.cos() / scale, angle.sin() / scale
    half = (crop - 1) / (side - 1)  # grid_sample counts from -1 to 1 over the picture
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = cos * stretch * mirrored * half, sin * half
    theta[:, 1, 0], theta[:, 1, 1] = -sin * mirrored * half, cos / stretch * half
    theta[:, :, 2] = moved * 2 / (side - 1)
    grid = F.affine_grid(theta.to(device), [n, 1, crop, crop], align_corners=True)
    out = F.grid_sample(pictures[:, None].float(), grid, padding_mode="border", align_corners=True)
    if augmentation.blur:
        part = torch.where(draw() < augmentation.blur, draw() * 1.5 - 0.5, 0.0).to(device)
        smooth = F.avg_pool2d(F.pad(out, (1, 1, 1, 1), mode="replicate"), 3, 1)
        out = torch.lerp(out, smooth, part[:, None, None, None])
    if augmentation.erase:
        low, high = augmentation.erase_area
        area = low + (high - low) * draw()
        shape = torch.exp(either(math.log(2.0)))
        rows, columns = (area * shape).sqrt() * crop / 2, (area / shape).sqrt() * crop / 2
        row, column = draw() * crop, draw() * crop
        rows = torch.where(draw() < augmentation.erase, rows, -1.0)
        line = torch.arange(crop) + 0.5
        gone = ((line - row[:, None]).abs() < rows[:, None])[:, :, None] & (
            (line - column[:, None]).abs() < columns[:, None]
        )[:, None, :]
        mean = out.mean((2, 3), keepdim=True)
        out = torch.where(gone.to(device)[:, None], mean, out)
    return out


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
    teachers : networks, for pictures of the same crop, whose mean answer has the weight
        ``recipe.teaching`` in the loss.
    checkpoint : a safetensors file; written after every epoch, and where it exists the run goes
        on from it with the same random numbers as if it had never stopped.

    Raises
    ------
    DataError : the checkpoint belongs to another run, or the loss diverged.
    """
    where = find_device(device)
    run = _Run(network, recipe, start, where)
    masters = [_ready(shape, values, recipe.crop, where) for shape, values in teachers]
    history, best = History(), arrays(run.model, network)
    key = _key(network, recipe, augmentation, targets, len(teachers), start is not None)
    if checkpoint is not None and checkpoint.exists():
        best, history = run.resume(checkpoint, key, best)
    x, y = torch.from_numpy(images).to(where), torch.from_numpy(targets).to(where)
    steps = max(1, len(x) // recipe.batch_size)
    for epoch in range(len(history.loss), recipe.epochs):
        started = time.monotonic()
        # Generators of their own for every epoch: a resumed run draws what an unbroken one does.
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch + 1)
        torch.manual_seed(recipe.seed * 1_000_003 + epoch + 1)
        order = torch.randperm(len(x), generator=generator)
        total = torch.zeros((), device=where)
        run.model.train()
        for step in range(steps):
            index = order[step * recipe.batch_size : (step + 1) * recipe.batch_size].to(where)
            batch, target = change(x[index], recipe.crop, augmentation, generator), y[index]
            if augmentation.mixup and torch.rand((), generator=generator) < augmentation.mixed:
                batch, target = _mix(batch, target, augmentation.mixup, generator)
            total += run.step(batch, target, masters, epoch * steps + step, steps * recipe.epochs)
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
        if checkpoint is not None:
            run.save(checkpoint, key, best, history)
        if progress is not None:
            progress(epoch, history)
    return best, history


class _Run:
    """A network being trained, the average of its weights, and the descent's velocities."""

    def __init__(
        self, network: Network, recipe: Recipe, start: Arrays | None, where: torch.device
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.network, self.recipe, self.where = network, recipe, where
        self.cast = recipe.autocast and (where.type != "cpu" or fast_bfloat16())
        model = build(network, recipe.crop)
        if start is not None:
            load_arrays(model, network, start)
        self.model = model.to(where, **_LAYOUT)
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        free = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.SGD(
            [
                {"params": decayed, "weight_decay": recipe.weight_decay},
                {"params": free, "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0,
        )  # fmt: skip
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}

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
                    taught = torch.stack([m(batch).float().softmax(1) for m in masters])
                target = torch.lerp(target, taught.mean(0), recipe.teaching)
        loss = F.cross_entropy(logits, target)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        keep = min(recipe.averaging, (2 + count) / (11 + count))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if value.dtype.is_floating_point:
                    self.average[name].lerp_(value, 1.0 - keep)
                else:  # batch normalisation's count of batches
                    self.average[name].copy_(value)
        return loss.detach()

    def averaged(self) -> Arrays:
        """The averaged weights as plain arrays."""
        judged = build(self.network, self.recipe.crop)
        judged.load_state_dict({k: v.cpu() for k, v in self.average.items()})
        return arrays(judged, self.network)

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


def _mix(
    batch: Tensor, target: Tensor, alpha: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    seed = int(torch.randint(2**31, (), generator=generator))
    drawn = float(np.random.default_rng(seed).beta(alpha, alpha))
    part = max(drawn, 1 - drawn)
    other = torch.randperm(len(batch), generator=generator).to(batch.device)
    return torch.lerp(batch[other], batch, part), torch.lerp(target[other], target, part)


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
