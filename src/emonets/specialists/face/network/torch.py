"""Training a convolutional network with torch (paper 3.1.2). Imported only where one trains.

The update is cuda-convnet's: with the gradient averaged over the minibatch,
``v <- momentum * v - rate * decay * w - rate * gradient;  w <- w + v``; so a decay of 0.004
means that a weight loses ``rate * 0.004`` of itself per *update*, not per epoch.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import emonets.runtime.graph_builder  # noqa: F401 - its package must be there before hours of work
from emonets.errors import DataError, MissingExtraError
from emonets.runtime.files import write_whole
from emonets.specialists.face.network.layers import (
    Conv,
    Dense,
    Dropout,
    Excite,
    GlobalPool,
    Network,
    Pool,
    ReLU,
    ResponseNorm,
    Standardise,
    parameter_shapes,
)

try:
    import torch
    from safetensors import safe_open
    from safetensors.numpy import save
    from torch import Tensor, nn
    from torch.nn import functional as F  # noqa: N812
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("training a network", "train") from error


class _ResponseNormFunction(torch.autograd.Function):
    """Written out because autograd's own pass over the six elementwise steps costs as much as
    all convolutions together. A window mean with zero padding is its own transpose."""

    @staticmethod
    def forward(context: Any, x: Tensor, size: int, scale: float, power: float) -> Tensor:
        wide = x.float()
        base = F.avg_pool2d(wide * wide, size, 1, size // 2).mul_(scale).add_(1.0)
        factor = base.log().mul_(-power).exp_()
        context.save_for_backward(wide, base, factor)
        context.numbers = size, scale, power
        return (wide * factor).to(x.dtype)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        wide, base, factor = context.saved_tensors
        size, scale, power = context.numbers
        gradient = gradients[0].float()
        through = gradient * factor
        inner = (through * wide).div_(base)
        inner = F.avg_pool2d(inner, size, 1, size // 2).mul_(wide).mul_(2.0 * scale * power)
        return through.sub_(inner).to(gradients[0].dtype), None, None, None


class _ResponseNorm(nn.Module):
    def __init__(self, layer: ResponseNorm) -> None:
        super().__init__()
        self.numbers = layer.size, layer.scale, layer.power

    def forward(self, x: Tensor) -> Tensor:
        # a mean over size**2 pixels, padding included, is exactly sum / size**2
        y: Tensor = _ResponseNormFunction.apply(x, *self.numbers)  # type: ignore[no-untyped-call]
        return y


class _Standardise(nn.Module):
    def __init__(self, layer: Standardise) -> None:
        super().__init__()
        self.least = layer.floor**2

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        x = x - x.mean((1, 2, 3), keepdim=True)
        return x / (x.square().mean((1, 2, 3), keepdim=True) + self.least).sqrt()


class _NormedConv(nn.Sequential):
    """A convolution with batch normalisation behind it, which has the bias."""

    def __init__(self, channels: int, filters: int, size: int, *, padding: int) -> None:
        convolution = nn.Conv2d(channels, filters, size, padding=padding, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(filters))


class _Excite(nn.Module):
    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.squeeze, self.expand = nn.Linear(channels, inner), nn.Linear(inner, channels)

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.expand(self.squeeze(x.mean((2, 3))).relu()).sigmoid()
        return x * weight[:, :, None, None]


def build(network: Network, side: int) -> nn.Sequential:
    """The torch module of a network whose input is ``(n, 1, side, side)``; outputs are logits."""
    shapes = parameter_shapes(network, side)
    layers: list[nn.Module] = []
    for i, layer in enumerate(network):
        if isinstance(layer, Conv):
            channels = shapes[f"{i}.weight"][1]
            kind = _NormedConv if layer.norm else nn.Conv2d
            layers.append(kind(channels, layer.filters, layer.size, padding=layer.pad))
        elif isinstance(layer, Pool):
            if layer.how == "max":
                layers.append(nn.MaxPool2d(layer.size, layer.stride, ceil_mode=True))
            else:
                layers.append(
                    nn.AvgPool2d(layer.size, layer.stride, ceil_mode=True, count_include_pad=False)
                )
        elif isinstance(layer, ReLU):
            layers.append(nn.ReLU())
        elif isinstance(layer, ResponseNorm):
            layers.append(_ResponseNorm(layer))
        elif isinstance(layer, Standardise):
            layers.append(_Standardise(layer))
        elif isinstance(layer, Excite):
            inner, channels = shapes[f"{i}.squeeze.weight"]
            layers.append(_Excite(channels, inner))
        elif isinstance(layer, Dropout):
            layers.append(nn.Dropout(layer.rate))
        elif isinstance(layer, GlobalPool):
            layers.append(nn.AdaptiveAvgPool2d(1))
        elif isinstance(layer, Dense):
            inputs = shapes[f"{i}.weight"][1]
            layers.append(nn.Sequential(nn.Flatten(), nn.Linear(inputs, layer.units)))
    return nn.Sequential(*layers)


def _modules(model: nn.Sequential, network: Network) -> Iterator[tuple[int, Any, nn.Module]]:
    for i, layer in enumerate(network):
        if isinstance(layer, Conv):
            yield i, layer, model[i]
        elif isinstance(layer, Dense):
            yield i, layer, model[i][1]  # type: ignore[index]


def _parts(model: nn.Sequential, network: Network) -> Iterator[tuple[str, Any]]:
    """Everything that has weights, under the names of ``parameter_shapes``."""
    module: Any
    for i, module in enumerate(model):
        if isinstance(module, _Excite):
            yield f"{i}.squeeze", module.squeeze
            yield f"{i}.expand", module.expand
    for i, _, module in _modules(model, network):
        yield str(i), module


def initialise(model: nn.Sequential, network: Network, seed: int) -> None:
    """Normal weights of each layer's ``initial_std``, zero biases."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, layer, module in _modules(model, network):
            module.weight.normal_(0.0, layer.initial_std, generator=generator)  # type: ignore
            module.bias.zero_()  # type: ignore


def arrays(model: nn.Sequential, network: Network) -> dict[str, NDArray[np.float32]]:
    """A model's parameters as plain arrays under the names of ``parameter_shapes``; batch
    normalisation, as it is when not training, becomes part of its convolution."""
    out = {}
    norm: Any
    for name, module in _parts(model, network):
        if isinstance(module, _NormedConv):
            convolution, norm = module
            factor = norm.weight / (norm.running_var + norm.eps).sqrt()
            weight = convolution.weight * factor[:, None, None, None]
            bias = norm.bias - norm.running_mean * factor
        else:
            weight, bias = module.weight, module.bias
        out[f"{name}.weight"] = weight.detach().float().cpu().contiguous().numpy().copy()
        out[f"{name}.bias"] = bias.detach().float().cpu().numpy().copy()
    return out


def load_arrays(model: nn.Sequential, network: Network, values: dict[str, Any]) -> None:
    """Put plain arrays back into a model; its batch normalisation then only adds the bias."""
    biased: Any
    with torch.no_grad():
        for name, module in _parts(model, network):
            convolution = biased = module
            if isinstance(module, _NormedConv):
                convolution, biased = module
                biased.running_mean.zero_()
                biased.running_var.fill_(1.0 - biased.eps)
                biased.weight.fill_(1.0)
            convolution.weight.copy_(torch.as_tensor(values[f"{name}.weight"]))
            biased.bias.copy_(torch.as_tensor(values[f"{name}.bias"]))


def renormalise(model: nn.Sequential, pictures: Tensor) -> None:
    """Let a model whose batch normalisation only adds a bias (:func:`load_arrays`) normalise what
    pictures give, and undo it by its scale and its bias: the answers stay, and training on such
    pictures begins with them instead of with maps that have lost their sizes."""
    found: list[tuple[Any, Tensor]] = []

    def note(module: Any, _: Any, out: Tensor) -> None:
        found.append((module, out.detach()))

    normed = [module for module in model if isinstance(module, _NormedConv)]
    hooks = [module[0].register_forward_hook(note) for module in normed]
    training = model.training
    with torch.no_grad():
        model.eval()(pictures)
        for module, (_, out) in zip(normed, found, strict=True):
            norm: Any = module[1]
            variance, mean = torch.var_mean(out.float(), (0, 2, 3), correction=0)
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.add_(mean)
    for hook in hooks:
        hook.remove()
    model.train(training)


def fast_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16 by instructions of its own; one that has to
    imitate them is ten times slower than in single precision."""
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in asked)


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
    for _, layer, module in _modules(model, network):
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
