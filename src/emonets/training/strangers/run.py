"""One training run of the network ``residual``: its steps, averaged weights and checkpoints.

Imported only where one trains. It begins from the recognition network's weights; the layers up to
the first halving block keep them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError, MissingExtraError
from emonets.runtime.files import write_whole
from emonets.specialists.face.network.layers import NETWORKS, Network, Residual
from emonets.specialists.face.network.start import recognition_start
from emonets.training.strangers.frames import SIZE

try:
    import torch
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import save
    from torch import Tensor, nn
    from torch.nn import functional as F  # noqa: N812

    from emonets.specialists.face.network.torch_modules import arrays, build, load_arrays
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("training a network", "train") from error

Arrays = dict[str, NDArray[np.float32]]
_LAYOUT: dict[str, Any] = {"memory_format": torch.channels_last}
_WARM_UP = 150  # steps
_LOWEST = 0.003  # part of the rate at the end
_LONGEST = 2.0  # gradient


@dataclass(frozen=True)
class Recipe:
    """The numbers of a run.

    Attributes
    ----------
    faces : pictures in all. batch_size : pictures a step.
    learning_rate : of AdamW; flat for the part ``flat`` of the steps, then along a cosine.
    head : factor of the rate of the last layer.
    weight_decay, betas : of AdamW. smoothing : probability given to all classes alike.
    averaging : weights are averaged over steps with this factor.
    seed : of the last layer's first weights, of dropout and of what is drawn.
    """

    faces: int = 600_000
    batch_size: int = 96
    learning_rate: float = 4e-4
    flat: float = 0.4
    head: float = 4.0
    weight_decay: float = 0.03
    betas: tuple[float, float] = (0.9, 0.98)
    smoothing: float = 0.1
    averaging: float = 0.999
    seed: int = 0

    @property
    def steps(self) -> int:
        return self.faces // self.batch_size


class StrangersRun:
    """A network in training.

    Parameters
    ----------
    recipe : its numbers. network : ``residual``, or one of fewer blocks.
    start : weights to begin from, by the names of `parameter_shapes`; None: the recognition
        network's.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: Network = NETWORKS["residual"],
        start: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.network, self.done = recipe, network, 0
        if start is None:
            start = recognition_start(network, seed=recipe.seed)
        start = {name: np.asarray(values, np.float32) for name, values in start.items()}
        model, self._judged = build(network, SIZE), build(network, SIZE)
        load_arrays(model, network, start)
        halving = (
            i for i, layer in enumerate(network)
            if isinstance(layer, Residual) and layer.stride > 1
        )  # fmt: skip
        self._frozen = next(halving, len(network) - 1)
        for module in list(model)[: self._frozen]:
            module.requires_grad_(False)
        self.model: nn.Sequential = model.to(**_LAYOUT)
        trained = [p for p in model[:-1].parameters() if p.requires_grad]
        groups = [
            {"params": trained, "factor": 1.0},
            {"params": list(model[-1].parameters()), "factor": recipe.head},
        ]
        self._optimiser = torch.optim.AdamW(
            groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, betas=recipe.betas
        )
        self._average = {name: value.clone() for name, value in model.state_dict().items()}

    def rate(self, step: int) -> float:
        """Part of the learning rate at a step."""
        along, flat = step / self.recipe.steps, self.recipe.flat
        falling = 1.0
        if along >= flat:
            falling = 0.5 * (1 + math.cos(math.pi * (along - flat) / (1 - flat))) + _LOWEST
        return min(1.0, (step + 1) / _WARM_UP) * falling

    def step(self, pictures: NDArray[np.uint8], targets: NDArray[np.float32]) -> float:
        """One update by pictures (n, 96, 96) and targets (n, 7); returns the loss."""
        recipe = self.recipe
        rate = self.rate(self.done) * recipe.learning_rate
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        torch.manual_seed(recipe.seed * 1_000_003 + self.done)  # a resumed run drops the same
        self.model.train()
        smooth = (
            torch.from_numpy(targets) * (1 - recipe.smoothing)
            + recipe.smoothing / (targets.shape[1])
        )
        loss = F.cross_entropy(self.model(_batch(pictures)).float(), smooth)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), _LONGEST)
        self._optimiser.step()
        keep = min(recipe.averaging, (self.done + 1) / (self.done + 10))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self._average[name].lerp_(value, 1 - keep)
        self.done += 1
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DataError(f"the loss is no longer finite in step {self.done}; lower the rate")
        return value

    def averaged(self) -> Arrays:
        """The averaged weights, by the names of `parameter_shapes`."""
        self._judged.load_state_dict(self._average)
        return arrays(self._judged, self.network)

    def logits(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(2, n, 7) of pictures (n, 96, 96) and of their mirror images, by the averaged weights."""
        self._judged.load_state_dict(self._average)
        model, parts = self._judged.to(**_LAYOUT).eval(), []
        with torch.inference_mode():
            for i in range(0, len(pictures), 128):
                x = _batch(pictures[i : i + 128])
                parts.append(torch.stack([model(x), model(x.flip(3))]).float().numpy())
        return np.concatenate(parts, axis=1) if parts else np.empty((2, 0, 7), np.float32)

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self._average.items()}
        for i, parameter in enumerate(self._parameters()):
            state = self._optimiser.state[parameter]
            tensors |= {f"adam.{i}.{k}": torch.as_tensor(v) for k, v in state.items()}
        content = {k: v.detach().contiguous().numpy() for k, v in tensors.items()}
        about = {"recipe": json.dumps(asdict(self.recipe)), "done": str(self.done)}
        write_whole(path, save(content, about))

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint of the same recipe.

        Raises
        ------
        DataError : the file is damaged, or of another recipe.
        """
        try:
            with safe_open(path, "pt") as file:
                about = file.metadata() or {}
                tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
            recipe, done = json.loads(about["recipe"]), int(about["done"])
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise DataError(f"{path}: not a checkpoint ({error}); delete it") from None
        if recipe != json.loads(json.dumps(asdict(self.recipe))):
            raise DataError(f"{path}: made with other numbers; delete it to start anew")
        self.model.load_state_dict({k: tensors[f"model.{k}"] for k in self._average})
        for name, value in self._average.items():
            value.copy_(tensors[f"average.{name}"])
        for i, parameter in enumerate(self._parameters()):
            prefix = f"adam.{i}."
            state = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
            if state:
                self._optimiser.state[parameter] = state
        self.done = done

    def _parameters(self) -> list[Tensor]:
        return [p for group in self._optimiser.param_groups for p in group["params"]]


def _batch(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures)).float()[:, None].contiguous(**_LAYOUT)
