"""Deep belief nets: restricted Boltzmann machines trained one on another (paper 3.2.2).

Each machine learns from the mean hidden activation of the one below it (Hinton, Osindero and Teh
2006). The means are computed when a block of rows is needed and are not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import BundleError, ParameterError
from emonets.learners.boltzmann.machine import Floats
from emonets.learners.boltzmann.rbm import RBM, Rows, blocks

Layer = RBM | Mapping[str, Any]

# The chains' visible mean and zero start, and the 60 of them, are what the authors' code did, and
# the text names no other; its momentum is 0, and it names no penalty for the third layer
_PAPER = {"n_components": 350, "visible": "gaussian", "algorithm": "sml", "n_steps": 1,
          "start": "zero", "sample_visible": False, "batch_size": 60, "n_epochs": 15}  # fmt: skip
PAPER_LAYERS: tuple[dict[str, Any], ...] = (
    {**_PAPER, "hidden": "relu", "bound": 6.0, "learning_rate": 6e-4, "l2": 2e-3},
    {**_PAPER, "hidden": "sigmoid", "learning_rate": 5e-4, "l2": 2e-4},
    {**_PAPER, "hidden": "sigmoid", "learning_rate": 1e-3},
)
"""The three layers of paper 3.2.2. The perceptron takes its two hidden layers from the first two,
which are all that the authors' code trained: ``PAPER_LAYERS[:2]``."""


class DBN(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A stack of restricted Boltzmann machines, trained greedily from the bottom.

    Parameters
    ----------
    layers : from the bottom: the parameters of each `RBM`, or an unfitted RBM.
    random_state : seeds those layers whose own ``random_state`` is None.

    Attributes
    ----------
    rbms_ : list of RBM, from the bottom; their ``history_`` describes the training.
    """

    def __init__(
        self,
        layers: Sequence[Layer] = PAPER_LAYERS,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.layers = layers
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        top = self.layers[-1] if isinstance(self.layers, Sequence) and len(self.layers) else None
        dtype = top.dtype if isinstance(top, RBM) else "float32"
        if isinstance(top, Mapping):
            dtype = top.get("dtype", dtype)
        tags.transformer_tags.preserves_dtype = [dtype]
        return tags

    @property
    def weights(self) -> list[tuple[Floats, Floats]]:
        """(W (inputs, units), hidden biases (units,)) of each layer, to start a perceptron with."""
        check_is_fitted(self, "rbms_")
        return [(rbm.weights_, rbm.hidden_bias_) for rbm in self.rbms_]

    @property
    def epochs_left(self) -> int:
        """Epochs, of all layers together, until what ``fit`` does is done."""
        check_is_fitted(self, "rbms_")
        return sum(max(0, rbm.n_epochs - rbm.n_iter_) for rbm in self.rbms_)

    @property
    def _n_features_out(self) -> int:
        return int(self.rbms_[-1].weights_.shape[1])

    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        *,
        validation: ArrayLike | None = None,
        callback: Callable[[int, int, DBN], object] | None = None,
    ) -> Self:
        """Train anew, layer by layer.

        Parameters
        ----------
        X : (n, d) finite; a memory map of float32 or float64 is read by blocks, never copied
            whole (its rows are read in random order: it should fit the system's file cache).
        validation : (m, d) held-out rows, for the ``history_`` of each layer.
        callback : called after each epoch with the layer's number, from 0, that of its epoch,
            from 1, and this net; what ``to_arrays(resume=True)`` gives there can go on.

        Raises
        ------
        ParameterError : a parameter out of its range, or learning that diverged.
        ValueError : scikit-learn's, for X of a wrong shape or type.
        """
        x = self._validated(X, reset=True)
        held_out = None if validation is None else self._validated(validation)
        self._initialise(x)
        for layer, rbm in enumerate(self.rbms_):
            self._train(layer, x, rbm.n_epochs, held_out, callback)
        return self

    def partial_fit(
        self, X: ArrayLike, y: Any = None, *, validation: ArrayLike | None = None
    ) -> Self:
        """The next epoch of :meth:`fit`: of the lowest layer that has not had all of its own.

        ``while dbn.epochs_left: dbn.partial_fit(X)`` ends training that was interrupted as if it
        had not been. With none left, one more epoch of every layer, from the bottom.
        """
        first = not hasattr(self, "rbms_")
        x = self._validated(X, reset=first)
        held_out = None if validation is None else self._validated(validation)
        if first:
            self._initialise(x)
        open_ = [i for i, rbm in enumerate(self.rbms_) if rbm.n_iter_ < rbm.n_epochs]
        for layer in open_[:1] or range(len(self.rbms_)):
            self._train(layer, x, 1, held_out, None)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Mean activation of the top layer given the rows of X (n, d): (n, units)."""
        check_is_fitted(self, "rbms_")
        x = self._validated(X)
        result = np.empty((len(x), self._n_features_out), dtype=self.rbms_[-1].weights_.dtype)
        for rows in blocks(len(x)):
            result[rows] = self._upward(x[rows], len(self.rbms_))
        return result

    def to_arrays(self, *, resume: bool = False) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays named "0.weights" and so on from the bottom.

        With ``resume`` also what training needs to go on exactly where it stands.
        """
        check_is_fitted(self, "rbms_")
        return {
            f"{layer}.{name}": array
            for layer, rbm in enumerate(self.rbms_)
            for name, array in rbm.to_arrays(resume=resume).items()
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], *, layers: Sequence[Layer] | None = None
    ) -> Self:
        """A fitted net from :meth:`to_arrays`.

        Parameters
        ----------
        layers : of the constructor, to go on training with; None is enough to transform.

        Raises
        ------
        BundleError : arrays missing, damaged, or of layers that do not fit each other.
        ParameterError : not as many ``layers`` as are stored.
        """
        parts: dict[str, dict[str, NDArray[Any]]] = {}
        for key, array in arrays.items():
            layer, _, name = key.partition(".")
            parts.setdefault(layer, {})[name] = array
        if not parts or set(parts) != {str(layer) for layer in range(len(parts))}:
            found = ", ".join(sorted(parts)) or "none"
            raise BundleError(f"the DBN's layers must be numbered from 0, found {found}")
        given = [{}] * len(parts) if layers is None else [_parameters(layer) for layer in layers]
        if len(given) != len(parts):
            raise ParameterError(f"layers has {len(given)} entries, the stored net {len(parts)}")
        rbms = [RBM.from_arrays(parts[str(i)], **of) for i, of in enumerate(given)]
        for i, (below, above) in enumerate(pairwise(rbms)):
            if below.weights_.shape[1] != above.n_features_in_:
                raise BundleError(
                    f"the DBN's layer {i} has {below.weights_.shape[1]} units but layer {i + 1} "
                    f"takes {above.n_features_in_}; they are of different nets"
                )
        dbn = cls(layers=[rbm.get_params() for rbm in rbms])
        dbn.rbms_ = rbms
        dbn.n_features_in_ = rbms[0].n_features_in_
        return dbn

    def _initialise(self, x: Floats) -> None:
        """Machines with small random weights in all layers."""
        if isinstance(self.layers, RBM | Mapping | str) or not isinstance(self.layers, Sequence):
            raise ParameterError(
                f"layers must be a list of RBMs or of their parameters, not {self.layers!r}"
            )
        if not self.layers:
            raise ParameterError("layers is empty; a deep belief net needs at least one")
        random = check_random_state(self.random_state)
        self.rbms_ = []
        for layer in self.layers:
            rbm = RBM(**_parameters(layer))
            seed = int(random.randint(np.iinfo(np.int32).max))
            if rbm.random_state is None:
                rbm.random_state = seed
            self.rbms_.append(rbm)
        for depth, rbm in enumerate(self.rbms_):
            rbm.fit_rows(self._rows(x, depth), len(x), epochs=0)

    def _train(
        self,
        layer: int,
        x: Floats,
        epochs: int,
        validation: Floats | None,
        callback: Callable[[int, int, DBN], object] | None,
    ) -> None:
        self.rbms_[layer].fit_rows(
            self._rows(x, layer),
            len(x),
            epochs=epochs,
            validation=None if validation is None else self._rows(validation, layer),
            n_validation=0 if validation is None else len(validation),
            callback=callback and (lambda epoch, _: callback(layer, epoch, self)),
            warm_start=True,
        )

    def _rows(self, x: Floats, depth: int) -> Rows:
        """Rows of x as the layer at that depth takes them."""
        return lambda indices: self._upward(x[indices], depth)

    def _upward(self, v: Floats, depth: int) -> Floats:
        for rbm in self.rbms_[:depth]:
            v = rbm.machine.mean_hidden(np.asarray(v, dtype=rbm.weights_.dtype))
        return v

    def _validated(self, X: ArrayLike, *, reset: bool = False) -> Floats:
        x: Floats = validate_data(self, X, dtype=[np.float32, np.float64], reset=reset)
        return x


def _parameters(layer: Layer) -> dict[str, Any]:
    """The parameters of one layer, its own copy of them."""
    if isinstance(layer, RBM):
        return dict(clone(layer).get_params())
    names = RBM().get_params()
    if not isinstance(layer, Mapping) or not set(layer) <= set(names):
        raise ParameterError(
            f"a layer must be an RBM or a dict of {', '.join(names)}, not {layer!r}"
        )
    return dict(layer)
