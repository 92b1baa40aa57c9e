"""The torch modules of a network's layers, and their weights as plain arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import MissingExtraError
from emonets.specialists.face.network.layers import (
    Conv,
    Dense,
    Dropout,
    Excite,
    GlobalPool,
    Layer,
    Network,
    OvalStandardise,
    Pool,
    ReLU,
    Residual,
    ResponseNorm,
    Standardise,
    parameter_shapes,
)

try:
    import torch
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


class ResponseNormModule(nn.Module):
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


class _OvalStandardise(nn.Module):
    window: Tensor

    def __init__(self, layer: OvalStandardise, side: int) -> None:
        super().__init__()
        self.least, self.most = layer.floor**2, layer.most
        weights = torch.from_numpy(layer.weights(side))[None, None]
        self.register_buffer("window", weights, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        x = x - (x * self.window).mean((1, 2, 3), keepdim=True)
        variance = (x.square() * self.window).mean((1, 2, 3), keepdim=True)
        return (x / (variance + self.least).sqrt()).clamp(-self.most, self.most)


class _Residual(nn.Module):
    def __init__(self, channels: int, layer: Residual) -> None:
        super().__init__()
        self.new, self.stride = layer.filters - channels, layer.stride
        self.first = nn.Conv2d(channels, layer.filters, 3, layer.stride, layer.pad)
        self.second = nn.Conv2d(layer.filters, layer.filters, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.first(x).relu())
        if self.stride > 1:
            x = F.avg_pool2d(x, self.stride)
        missing = x.shape[-1] - y.shape[-1]
        if missing:
            y = F.pad(y, (0, missing, 0, missing))
        if self.new:
            x = F.pad(x, (0, 0, 0, 0, 0, self.new))
        return (y + x).relu()


class _NormedConv(nn.Sequential):
    """A convolution with batch normalisation behind it, which has the bias."""

    def __init__(
        self, channels: int, filters: int, size: int, stride: int = 1, *, padding: int
    ) -> None:
        convolution = nn.Conv2d(channels, filters, size, stride, padding=padding, bias=False)
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
    shapes, layers = parameter_shapes(network, side), []
    for i, layer in enumerate(network):
        own = {
            name.removeprefix(f"{i}."): shape
            for name, shape in shapes.items()
            if name.startswith(f"{i}.")
        }
        layers.append(_module(layer, own, side))  # only a first layer uses the side
    return nn.Sequential(*layers)


def _module(layer: Layer, shapes: dict[str, tuple[int, ...]], side: int) -> nn.Module:
    """A layer whose parameters have these shapes."""
    if isinstance(layer, Conv):
        kind = _NormedConv if layer.norm else nn.Conv2d
        channels = shapes["weight"][1]
        return kind(channels, layer.filters, layer.size, layer.stride, padding=layer.pad)
    if isinstance(layer, Dense):
        return nn.Sequential(nn.Flatten(), nn.Linear(shapes["weight"][1], layer.units))
    if isinstance(layer, OvalStandardise):
        return _OvalStandardise(layer, side)
    if isinstance(layer, Residual):
        return _Residual(shapes["first.weight"][1], layer)
    if isinstance(layer, Excite):
        inner, channels = shapes["squeeze.weight"]
        return _Excite(channels, inner)
    return _PLAIN[type(layer)](layer)


def _pool(layer: Pool) -> nn.Module:
    if layer.how == "max":
        return nn.MaxPool2d(layer.size, layer.stride, ceil_mode=True)
    return nn.AvgPool2d(layer.size, layer.stride, ceil_mode=True, count_include_pad=False)


_PLAIN: dict[type[Layer], Callable[[Any], nn.Module]] = {
    Pool: _pool,
    ReLU: lambda _: nn.ReLU(),
    ResponseNorm: ResponseNormModule,
    Standardise: _Standardise,
    Dropout: lambda layer: nn.Dropout(layer.rate),
    GlobalPool: lambda _: nn.AdaptiveAvgPool2d(1),
}


def weighted_modules(
    model: nn.Sequential, network: Network
) -> Iterator[tuple[int, Any, nn.Module]]:
    """Index, layer and module of every convolution and dense layer."""
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
        elif isinstance(module, _Residual):
            yield f"{i}.first", module.first
            yield f"{i}.second", module.second
    for i, _, module in weighted_modules(model, network):
        yield str(i), module


def initialise(model: nn.Sequential, network: Network, seed: int) -> None:
    """Normal weights of each layer's ``initial_std``, zero biases."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, layer, module in weighted_modules(model, network):
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
    """Set batch normalisation to the statistics of pictures, without changing the output.

    The model's batch normalisation only adds a bias before (:func:`load_arrays`). Afterwards it
    normalises, and its scale and bias undo that. Training then begins from maps of unit variance
    and from the same output.
    """
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
