"""Weights of the network ``residual``: where its training begins, and states of training runs.

It begins from dlib's face recognition network, which ships with the package (NOTICE).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import BundleError, DataError
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.layers import (
    NETWORKS,
    Conv,
    Dense,
    Network,
    Residual,
    network_to_json,
    parameter_shapes,
)
from emonets.tubes.networks import read_weights
from emonets.tubes.recognition import BLOCKS, WEIGHTS, merged, restored

Arrays = dict[str, NDArray[np.float32]]

SIDE = 96
"""Pixels of the network's input: FER2013's frame at twice its resolution."""

_CONTRAST = 0.22
"""Deviation of a face's pixels in the input of the recognition network, which is not standardised.
The first convolution is scaled by it."""


def recognition_start(network: Network = NETWORKS["residual"], *, seed: int = 0) -> Arrays:
    """The weights that the network ``residual`` begins from.

    The filters of the three colours are summed, for grey input. The last layer is drawn at random.

    Parameters
    ----------
    network : ``residual``, or one with fewer of its blocks. seed : of the last layer.

    Returns
    -------
    Arrays by name, as `parameter_shapes` names them.

    Raises
    ------
    BundleError : the file of the recognition network is missing or damaged.
    DataError : the network has other blocks than the recognition network.
    """
    from safetensors.numpy import load

    theirs = merged(restored(load(read_weights(WEIGHTS))))
    theirs["conv32_down/weight"] = _CONTRAST * theirs["conv32_down/weight"].sum(1, keepdims=True)
    found: Arrays = {}
    for name, shape in parameter_shapes(network, SIDE).items():
        source = _recognition_name(network, name)
        if source is None:
            spread = shape[-1] ** -0.5
            drawn = np.random.default_rng(seed).uniform(-spread, spread, shape)
            found[name] = drawn.astype(np.float32)
        elif theirs[source].shape == shape:
            found[name] = np.asarray(theirs[source], np.float32)
        else:
            raise DataError(
                f"layer {name} has the shape {shape}, which the recognition network does not have; "
                "begin from random weights"
            )
    return found


def recognition_network(name: str, side: int, *, seed: int = 0) -> ConvNetClassifier:
    """A network of `NETWORKS` with the weights of `recognition_start`, for pictures of a side.

    Raises
    ------
    BundleError, DataError : as `recognition_start`.
    """
    network = NETWORKS[name]
    settings = {
        "network": network_to_json(network), "crop": side, "side": side, "mirror": False,
        "classes": list(range(network[-1].units)),  # type: ignore[union-attr]
    }  # fmt: skip
    mean = {"mean_image": np.zeros((side, side), np.float32)}
    return ConvNetClassifier.from_arrays(
        settings, {**recognition_start(network, seed=seed), **mean}
    )


def from_state(
    state: Mapping[str, NDArray[np.floating]], network: Network = NETWORKS["residual"]
) -> Arrays:
    """The arrays of a training state, by the names of `parameter_shapes`.

    Parameters
    ----------
    state : by these names, or by those of the recognition network's layers: ``first``,
        ``convs.BLOCK_1``, ``convs.BLOCK_2`` and ``fc``, each with ``.weight`` and ``.bias``. An
        array ``oval`` must have the weights of `OvalStandardise`.

    Raises
    ------
    BundleError : an array is missing, unknown, of another shape or not finite.
    """
    left = {name: np.asarray(values, np.float32) for name, values in state.items()}
    oval = left.pop("oval", None)
    if oval is not None:
        ours = network[0].weights(len(oval))  # type: ignore[union-attr]
        if not np.allclose(oval * oval.size, ours, atol=0.01):
            raise BundleError("the state was trained with another oval; this version cannot use it")
    found: Arrays = {}
    for name, shape in parameter_shapes(network, SIDE).items():
        key = name if name in left else _state_name(network, name)
        if key not in left:
            raise BundleError(f"the state has no array {key!r}: it is of another network")
        values = left.pop(key)
        if values.shape != shape or not np.isfinite(values).all():
            raise BundleError(
                f"the state's array {key!r} has the shape {values.shape}, expected {shape}, or "
                "numbers that are not finite"
            )
        found[name] = values
    if left:
        raise BundleError(f"the state has arrays that the network has not, such as {min(left)!r}")
    return found


def corrected(
    arrays: Arrays,
    network: Network = NETWORKS["residual"],
    *,
    offsets: Sequence[float] | ArrayLike = 0.0,
    temperature: float = 1.0,
) -> Arrays:
    """Arrays whose logits ``z`` become ``(z + offsets) / temperature``: in the last layer.

    Parameters
    ----------
    offsets : one a class, or one for all. temperature : above zero.

    Raises
    ------
    DataError : not that many offsets, a number that is not finite, or a temperature that is not
        above zero.
    """
    last = len(network) - 1
    bias = arrays[f"{last}.bias"]
    added = np.asarray(offsets, np.float64)
    if added.shape not in ((), bias.shape) or not np.isfinite(added).all():
        raise DataError(f"offsets: expected {len(bias)} finite numbers, got {offsets!r}")
    if not (np.isfinite(temperature) and temperature > 0):
        raise DataError(f"temperature: expected a number above 0, got {temperature!r}")
    weight = arrays[f"{last}.weight"].astype(np.float64) / temperature
    return {
        **arrays,
        f"{last}.weight": weight.astype(np.float32),
        f"{last}.bias": ((bias + added) / temperature).astype(np.float32),
    }


def _place(network: Network, name: str) -> tuple[str, str, str]:
    """(what it is: stem, block or dense; the recognition network's block and part; the kind)."""
    number, _, rest = name.partition(".")
    layer = network[int(number)]
    if isinstance(layer, Conv):
        return "stem", "", rest
    if isinstance(layer, Residual):
        before = sum(isinstance(one, Residual) for one in network[: int(number)])
        part, _, kind = rest.partition(".")
        return BLOCKS[before][0], {"first": "1", "second": "2"}[part], kind
    if isinstance(layer, Dense) and int(number) == len(network) - 1:
        return "dense", "", rest
    raise DataError(f"layer {number} ({layer.kind}) is not part of the recognition network")


def _recognition_name(network: Network, name: str) -> str | None:
    block, part, kind = _place(network, name)
    if block == "dense":
        return None
    return f"conv32_down/{kind}" if block == "stem" else f"{block}/conv{part}/{kind}"


def _state_name(network: Network, name: str) -> str:
    block, part, kind = _place(network, name)
    if block in ("stem", "dense"):
        return f"{'first' if block == 'stem' else 'fc'}.{kind}"
    return f"convs.{block}_{part}.{kind}"
