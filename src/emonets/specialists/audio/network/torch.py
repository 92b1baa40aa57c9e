"""Training a sound network with torch. Imported only where one trains."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError, MissingExtraError
from emonets.runtime.files import write_whole
from emonets.specialists.audio.network.augment import Augmentation, random_crop
from emonets.specialists.audio.network.onnx import LEAST_VARIANCE, Architecture, Arrays
from emonets.specialists.face.network.torch import fast_bfloat16

try:
    import torch
    from safetensors import safe_open
    from safetensors.torch import save
    from torch import Tensor, nn
    from torch.nn import functional as F  # noqa: N812
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("training a network", "train") from error

_WARM_UP = 0.15  # share of all steps in which the learning rate rises, from a tenth of its peak
_GRADIENT_NORM = 5.0


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, 3, stride)
        self.second = _convolution(outputs, outputs, 3)
        self.halve = nn.AvgPool2d(stride, ceil_mode=True) if stride != 1 else nn.Identity()
        self.skip = _convolution(inputs, outputs, 1) if inputs != outputs or stride != 1 else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(F.relu(self.first(x), inplace=True))
        x = self.halve(x)
        return F.relu(y + (x if self.skip is None else self.skip(x)), inplace=True)


class SoundNet(nn.Module):
    """The network in training: (n, 1, bands, frames) → logits (n, classes)."""

    def __init__(self, network: Architecture, classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        width, channels = network.embedding, network.widths[0]
        self.stem = _convolution(1, channels, 5, 2)
        self.blocks = nn.ModuleList()
        for inputs, outputs, stride in network.residual_blocks():
            self.blocks.append(_Block(inputs, outputs, stride))
            channels = outputs
        self.embedding = nn.Sequential(
            nn.Conv1d(channels * network.rows(), width, 1, bias=False), nn.BatchNorm1d(width)
        )
        self.attention = nn.Conv1d(width, network.attention, 1)
        self.score = nn.Conv1d(network.attention, 1, 1, bias=False)
        self.norm = nn.BatchNorm1d(2 * width)
        self.classes = nn.Linear(2 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x), inplace=True)
        for block in self.blocks:
            x = block(x)
        x = F.dropout(x.flatten(1, 2), self.dropout / 2, self.training)
        x = F.relu(self.embedding(x)).float()
        weight = torch.softmax(self.score(torch.tanh(self.attention(x))).float(), 2)
        mean = (x * weight).sum(2)
        variance = (x * x * weight).sum(2) - mean * mean
        pooled = torch.cat([mean, variance.clamp_min(LEAST_VARIANCE).sqrt()], 1)
        logits: Tensor = self.classes(F.dropout(self.norm(pooled), self.dropout, self.training))
        return logits


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)
    )


def folded(state: dict[str, Tensor]) -> Arrays:
    """A network's state as the arrays of ``parameter_shapes``, without batch normalisation."""

    def numpy(name: str) -> NDArray[np.float64]:
        return state[name].double().numpy()

    def scale_shift(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        scale = numpy(f"{name}.weight") / np.sqrt(numpy(f"{name}.running_var") + 1e-5)
        return scale, numpy(f"{name}.bias") - scale * numpy(f"{name}.running_mean")

    out: dict[str, NDArray[np.float64]] = {}
    for key in state:
        name = key.removesuffix(".0.weight")
        if name != key:  # a convolution and the normalisation behind it
            scale, shift = scale_shift(f"{name}.1")
            weight = numpy(key)
            weight = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
            target = name.removeprefix("blocks.")
            out[f"{target}.weight"] = weight[:, :, 0] if name == "embedding" else weight
            out[f"{target}.bias"] = shift
    out["attention.weight"] = numpy("attention.weight")[:, :, 0]
    out["attention.bias"] = numpy("attention.bias")
    out["score.weight"] = numpy("score.weight")[:, :, 0]
    scale, shift = scale_shift("norm")
    out["classes.weight"] = numpy("classes.weight") * scale
    out["classes.bias"] = numpy("classes.bias") + numpy("classes.weight") @ shift
    return {name: value.astype(np.float32) for name, value in out.items()}


def unfolded(model: SoundNet, arrays: Mapping[str, NDArray[Any]], pictures: Tensor) -> None:
    """Give a network the weights of folded arrays; its answers are theirs.

    Where the arrays have no batch normalisation, its statistics are those of some pictures, and
    its scale and shift undo it.

    Parameters
    ----------
    arrays : of `folded`. pictures : (n, 1, bands, frames), as `SoundNet` takes them.
    """

    def given(layer: Any, name: str) -> None:
        weight = torch.from_numpy(np.asarray(arrays[f"{name}.weight"], np.float32))
        layer.weight.copy_(weight.reshape(layer.weight.shape))

    with torch.no_grad():
        for name, layer in model.named_modules():
            key = name.removeprefix("blocks.")
            if isinstance(layer, nn.Sequential) and f"{key}.weight" in arrays:
                given(layer[0], key)
                bias = torch.from_numpy(np.asarray(arrays[f"{key}.bias"], np.float32))
                layer[1].register_forward_pre_hook(_undone(bias))
        for part in ("attention", "score", "classes"):
            given(getattr(model, part), part)
            if f"{part}.bias" in arrays:
                bias = torch.from_numpy(np.asarray(arrays[f"{part}.bias"], np.float32))
                getattr(model, part).bias.copy_(bias)
        model.norm.register_forward_pre_hook(_undone(torch.zeros(1)))
        model.eval()(pictures)
    for layer in model.modules():
        layer._forward_pre_hooks.clear()


def _undone(bias: Tensor) -> Callable[[nn.Module, tuple[Tensor]], None]:
    """A hook that makes a batch normalisation add a bias and change nothing else."""

    def hook(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        x = inputs[0].float()
        over = [d for d in range(x.ndim) if d != 1]
        mean, variance = x.mean(over), x.var(over, unbiased=False).clamp_min(1e-4)
        state = norm.state_dict()
        state["running_mean"].copy_(mean)
        state["running_var"].copy_(variance)
        state["weight"].copy_((variance + 1e-5).sqrt())
        state["bias"].copy_(mean + bias)

    return hook


def _pictures(x: NDArray[np.float32]) -> Tensor:
    """(n, frames, bands) as a network takes them, (n, 1, bands, frames)."""
    made = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 2, 1)))[:, None]
    return made.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Recipe:
    """The numbers of a training run."""

    epochs: int = 40
    batch_size: int = 32
    frames: int = 200
    """Frames of the random crops."""
    learning_rate: float = 2e-3
    """Its peak; it rises and falls along cosines (Smith and Topin 2018)."""
    weight_decay: float = 0.05
    dropout: float = 0.3
    mixup: float = 0.3
    """Parameter of the beta distribution (Zhang et al. 2018); 0: no mixing of clips."""
    averaging: float = 0.99
    """Of the weights, over steps: the average is what is kept."""
    autocast: bool = True
    """Multiply in bfloat16; weights stay float32."""
    seed: int = 0


Progress = Callable[[int, float], None]
"""Called after every epoch with its number, from 0, and its mean loss."""


def train(
    network: Architecture,
    clips: Sequence[NDArray[np.float32]],
    targets: NDArray[np.float32],
    share: NDArray[np.float64],
    centres: NDArray[np.float64],
    recipe: Recipe,
    augmentation: Augmentation,
    *,
    start: Mapping[str, NDArray[Any]] | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Arrays, list[float]]:
    """Train a network; return its averaged, folded arrays and each epoch's mean loss.

    Parameters
    ----------
    clips : (T_i, bands) spectrograms in dB.
    targets : (n, classes) probabilities to be learned.
    share : (n,) how often each clip is part of an epoch, on the mean. Where an epoch would have
        less than one batch, the shares are raised until the largest is 1.
    centres : (bands,) Hz.
    start : folded arrays of a network of the same architecture and classes to begin from; None:
        random weights.
    checkpoint : written after every epoch; where it exists the run goes on from it with the
        same random numbers as if it had never stopped.

    Raises
    ------
    DataError : the checkpoint belongs to another run, the loss diverged, or all shares are 0.
    """
    torch.manual_seed(recipe.seed)
    model = SoundNet(network, targets.shape[1], recipe.dropout)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def cut(clip: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        return random_crop(
            clip, recipe.frames, augmentation, centres, rng, network.equalise, network.every
        )

    if start is not None:
        first = np.random.default_rng([recipe.seed, 2**31])
        chosen = first.choice(np.flatnonzero(share), min(256, int((share > 0).sum())), False)
        unfolded(model, start, _pictures(np.stack([cut(clips[i], first) for i in chosen])))
    optimiser = _optimiser(model, recipe)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    batch = min(recipe.batch_size, len(clips))
    share = _enough(share, batch)
    steps = max(1, int(share.sum()) // batch)
    losses: list[float] = []
    key = json.dumps(
        {
            "network": asdict(network),
            "recipe": asdict(recipe),
            "augmentation": asdict(augmentation),
            "clips": [len(clips), int(sum(len(c) for c in clips)), *targets.shape],
        }
    )
    if checkpoint is not None and checkpoint.exists():
        losses = _resume(checkpoint, key, model, average, optimiser)
    for epoch in range(len(losses), recipe.epochs):
        # Generators of their own for every epoch: a resumed run draws what an unbroken one does.
        rng = np.random.default_rng([recipe.seed, epoch])
        torch.manual_seed(recipe.seed * 1_000_003 + epoch + 1)
        # whole parts always, the rest by chance
        times = np.floor(share) + (rng.random(len(clips)) < share % 1.0)
        drawn = np.repeat(np.arange(len(clips)), times.astype(np.int64))
        if not len(drawn):
            drawn = np.flatnonzero(share)
        order = np.resize(rng.permutation(drawn), (steps, batch))
        model.train()
        total = 0.0
        for step, index in enumerate(order, start=epoch * steps):
            _schedule(optimiser, step, steps * recipe.epochs, recipe.learning_rate)
            x, y = np.stack([cut(clips[i], rng) for i in index]), targets[index]
            if recipe.mixup:
                drawn_part = rng.beta(recipe.mixup, recipe.mixup)
                part, other = np.float32(max(drawn_part, 1 - drawn_part)), rng.permutation(batch)
                x, y = part * x + (1 - part) * x[other], part * y + (1 - part) * y[other]
            pictures = _pictures(x)
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.autocast and fast_bfloat16()):
                logits = model(pictures)
            loss = F.cross_entropy(logits.float(), torch.from_numpy(y))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), _GRADIENT_NORM)
            optimiser.step()
            _average(average, model, min(recipe.averaging, (2 + step) / (11 + step)))
            total += float(loss.detach())
        if not math.isfinite(total):
            raise DataError(
                f"the loss is no longer finite in epoch {epoch + 1}; lower the learning rate"
            )
        losses.append(total / steps)
        if checkpoint is not None:
            _save(checkpoint, key, model, average, optimiser, losses)
        if progress is not None:
            progress(epoch, losses[-1])
    return folded(average), losses


def _optimiser(model: SoundNet, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; biases and normalisations do not decay."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": recipe.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
    )


def _enough(share: NDArray[np.float64], batch: int) -> NDArray[np.float64]:
    """The shares, raised until the largest is 1 where an epoch would have less than one batch.

    Shares balance corpora. A part of a corpus by itself has nothing to be balanced against.
    """
    if not share.any():
        raise DataError("none of the clips is trained on, for the share of their corpora is 0")
    return share / share.max() if share.sum() < batch else share


def _schedule(optimiser: torch.optim.Optimizer, step: int, steps: int, peak: float) -> None:
    """One cycle: the rate from a tenth of its peak up and down to a thousandth, the first
    momentum the other way, from 0.95 to 0.85 and back."""
    rise = max(1.0, _WARM_UP * steps - 1)
    if step <= rise:
        height, low = 0.5 - 0.5 * math.cos(math.pi * step / rise), peak / 10
    else:
        height = 0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1.0, steps - 1 - rise))
        low = peak / 1000
    for group in optimiser.param_groups:
        group["lr"] = low + (peak - low) * height
        group["betas"] = (0.95 - 0.1 * height, 0.999)


def _average(average: dict[str, Tensor], model: nn.Module, keep: float) -> None:
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                average[name].lerp_(value, 1.0 - keep)
            else:  # batch normalisation's count of batches
                average[name].copy_(value)


def _save(
    path: Path,
    key: str,
    model: nn.Module,
    average: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
    losses: list[float],
) -> None:
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.items()}
    for i, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{i}.{k}": v for k, v in moments.items()}
    tensors = {k: v.contiguous() for k, v in tensors.items()}
    write_whole(path, save(tensors, {"key": key, "losses": json.dumps(losses)}))


def _resume(
    path: Path,
    key: str,
    model: nn.Module,
    average: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
) -> list[float]:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 - not a dict
        saved, losses = metadata["key"], json.loads(metadata["losses"])
    except Exception as error:
        raise DataError(
            f"{path}: not a training checkpoint ({error}); delete it to start anew"
        ) from None
    if saved != key:
        raise DataError(f"{path}: made with other settings or clips; delete it to start anew")
    model.load_state_dict({k: tensors[f"model.{k}"] for k in average})
    for name, value in average.items():
        value.copy_(tensors[f"average.{name}"])
    state: dict[str, Any] = optimiser.state_dict()
    for i, parameter in enumerate(p for g in optimiser.param_groups for p in g["params"]):
        moments = {k: tensors[f"optimiser.{i}.{k}"] for k in ("step", "exp_avg", "exp_avg_sq")}
        for k in ("exp_avg", "exp_avg_sq"):  # the memory format of the parameter they belong to
            moments[k] = torch.empty_like(parameter).copy_(moments[k])
        state["state"][i] = moments
    optimiser.load_state_dict(state)
    return [float(v) for v in losses]
