"""Restricted Boltzmann machines as scikit-learn transformers (paper 3.2.2).

One update with a batch of n visible rows and a chain of m goes up the gradient of

    (1/n) Σ v_data E[h | v_data]ᵀ - (1/m) Σ v_chain E[h | v_chain]ᵀ - 2 l2 W

for W, and likewise for the biases (without the penalty). The statistics: data as they are;
the hidden units' *means* in both terms, exact for sigmoid and for noisy rectified units alike,
which has the expectation of samples and less noise; ``v_chain`` *drawn* (or its mean, without
``sample_visible``). Inside the chains the hidden units are always drawn.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import ParameterError
from emonets.learners.boltzmann.machine import (
    HIDDEN,
    VISIBLE,
    Floats,
    Hidden,
    Machine,
    Visible,
    contrast,
)
from emonets.learners.checks import check_choice, check_number
from emonets.learners.stored import check_stored

Rows = Callable[[NDArray[np.intp]], ArrayLike]
"""Returns the rows of some data at given indices."""

_BLOCK = 4096  # rows at a time: memory does not grow with their number
_WATCHED = 4096  # rows of the data whose free energy is tracked
_VELOCITY = ("weights_velocity", "hidden_bias_velocity", "visible_bias_velocity")


class RBM(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A restricted Boltzmann machine; ``transform`` gives the mean of its hidden units.

    Gaussian visible units have unit variance: columns should be standardised. Bernoulli ones
    take 0..1. ``boltzmann`` has the energies and the free energy.

    Parameters
    ----------
    n_components : hidden units.
    visible : "gaussian" or "bernoulli".
    hidden : "relu", noisy and bounded (paper 3.2.2), or "sigmoid".
    bound : of rectified units (the paper's α), > 0, may be infinite.
    algorithm : "sml", stochastic maximum likelihood: chains persist between updates; or "cd",
        contrastive divergence: chains start at the batch's data.
    n_steps : Gibbs steps an update; "cd" with 1 is CD-1.
    n_particles : chains of "sml"; None is ``batch_size``.
    start : of the chains of "sml": "zero", all hidden units 0 as in the authors' code, or
        "data", hidden units drawn given random rows.
    sample_visible : draw the visible units of the chains. Without, their mean is taken, as in
        the authors' code; the chain is then not the machine's own.
    learning_rate : of the mean gradient of a batch, > 0.
    momentum : share of the last step that is made again, 0..1 without 1.
    l2 : penalty l2 · Σ W², whose gradient is 2 · l2 · W; none on biases.
    batch_size : rows an update; the last of an epoch has what is left.
    n_epochs : passes over the data in ``fit``.
    weight_scale : standard deviation of the initial weights; biases start at 0.
    dtype : "float32" or "float64", of all that is learned and computed.
    random_state : seed of weights, order and draws. Each epoch's draws depend on it and on the
        epoch's number alone, so that training that was stored goes on as if uninterrupted.

    Attributes
    ----------
    weights_ : (n_features, n_components).
    hidden_bias_, visible_bias_ : (n_components,), (n_features,).
    particles_ : (n_particles, n_components) hidden states of the chains of "sml".
    n_iter_ : epochs made.
    history_ : lists, an entry an epoch, over at most 4096 evenly spaced rows:
        ``reconstruction_error``, mean squared difference to ``reconstruct`` an entry of X;
        ``free_energy``, mean of the training rows; and where there is validation data its
        ``validation_free_energy`` and ``overfit``, that minus the training rows'. The constant
        log Z drops out of the last: it grows where the machine overfits.
    """

    def __init__(
        self,
        n_components: int = 350,
        *,
        visible: Visible = "gaussian",
        hidden: Hidden = "relu",
        bound: float = 6.0,
        algorithm: str = "sml",
        n_steps: int = 1,
        n_particles: int | None = None,
        start: str = "zero",
        sample_visible: bool = True,
        learning_rate: float = 6e-4,
        momentum: float = 0.0,
        l2: float = 0.0,
        batch_size: int = 60,
        n_epochs: int = 15,
        weight_scale: float = 0.005,
        dtype: str = "float32",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.visible = visible
        self.hidden = hidden
        self.bound = bound
        self.algorithm = algorithm
        self.n_steps = n_steps
        self.n_particles = n_particles
        self.start = start
        self.sample_visible = sample_visible
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.l2 = l2
        self.batch_size = batch_size
        self.n_epochs = n_epochs
        self.weight_scale = weight_scale
        self.dtype = dtype
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [str(self.dtype)]
        return tags

    @property
    def machine(self) -> Machine:
        """The fitted machine's maths, sharing its parameters."""
        check_is_fitted(self, "weights_")
        return Machine(
            self.weights_, self.hidden_bias_, self.visible_bias_,
            self.visible, self.hidden, float(self.bound),
        )  # fmt: skip

    @property
    def _n_features_out(self) -> int:
        return int(self.weights_.shape[1])

    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        *,
        validation: ArrayLike | None = None,
        callback: Callable[[int, RBM], object] | None = None,
    ) -> Self:
        """Train anew for ``n_epochs`` epochs, each in a new order.

        Parameters
        ----------
        X : (n, d) finite; a memory map of float32 or float64 is read by blocks, never copied
            whole (its rows are read in random order: it should fit the system's file cache).
        validation : (m, d) held-out rows for ``history_``.
        callback : called after each epoch with its number, from 1, and this machine.

        Raises
        ------
        ParameterError : a parameter out of its range, or learning that diverged.
        ValueError : scikit-learn's, for X of a wrong shape or type.
        """
        x = self._validated(X, reset=True)
        held_out, m = self._held_out(validation)
        return self.fit_rows(
            x.__getitem__, len(x), validation=held_out, n_validation=m, callback=callback
        )

    def partial_fit(
        self, X: ArrayLike, y: Any = None, *, validation: ArrayLike | None = None
    ) -> Self:
        """One more epoch, over X: n calls with the same X are ``fit`` with n epochs."""
        x = self._validated(X, reset=not hasattr(self, "weights_"))
        held_out, m = self._held_out(validation)
        return self.fit_rows(
            x.__getitem__, len(x), epochs=1, validation=held_out, n_validation=m, warm_start=True
        )

    def fit_rows(
        self,
        rows: Rows,
        n: int,
        *,
        epochs: int | None = None,
        validation: Rows | None = None,
        n_validation: int = 0,
        callback: Callable[[int, RBM], object] | None = None,
        warm_start: bool = False,
    ) -> Self:
        """:meth:`fit` on rows that are computed, or read, when they are needed.

        Parameters
        ----------
        rows : called with indices (m,) in 0..n-1, gives (m, d).
        n : number of rows.
        epochs : None is ``n_epochs``; 0 makes the initial weights and nothing else.
        validation, n_validation : held-out rows in the same way, and their number.
        warm_start : go on from what is learned so far, if anything.
        """
        self._check_parameters()
        if n < 1 or (validation is not None and n_validation < 1):
            raise ParameterError(f"n {n} and n_validation {n_validation} must be rows from 1")
        watched = np.asarray(rows(_spread(n)), dtype=self.dtype)
        if not warm_start or not hasattr(self, "weights_"):
            self._initialise(watched.shape[1])
        self._ready(rows, n)
        held_out = None
        if validation is not None:
            held_out = np.asarray(validation(_spread(n_validation)), dtype=self.dtype)
        for _ in range(self.n_epochs if epochs is None else epochs):
            # What overflows shows in the history, and raises a clear error
            with np.errstate(over="ignore", invalid="ignore"):
                self._epoch(rows, n)
                self._track(watched, held_out)
            self.n_iter_ += 1
            if callback is not None:
                callback(self.n_iter_, self)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Mean of the hidden units given the rows of X (n, d): (n, n_components)."""
        machine = self.machine
        hidden: Floats = self._by_block(X, machine.mean_hidden, machine.hidden_bias.shape)
        return hidden

    def reconstruct(self, X: ArrayLike) -> Floats:
        """Mean of the visible units given the mean of the hidden ones given X: (n, d)."""
        machine = self.machine
        visible: Floats = self._by_block(X, machine.reconstruct, machine.visible_bias.shape)
        return visible

    def free_energy(self, X: ArrayLike) -> NDArray[np.float64]:
        """Free energy of the rows of X, (n,): low where the machine expects data."""
        machine = self.machine
        energy: NDArray[np.float64] = self._by_block(X, machine.free_energy, (), np.float64)
        return energy

    def log_partition(self) -> float:
        """log Z, exact, of at most 20 sigmoid hidden units; ParameterError for any other."""
        return self.machine.log_partition()

    def log_likelihood(self, X: ArrayLike) -> NDArray[np.float64]:
        """log p(v) of the rows of X, (n,), exact, where :meth:`log_partition` is."""
        return -self.free_energy(X) - self.log_partition()

    def to_arrays(self, *, resume: bool = False) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays that :meth:`from_arrays` turns back.

        With ``resume`` also what training needs to go on exactly where it stands.
        """
        arrays = self.machine.to_arrays()
        if resume and hasattr(self, "_velocity"):
            arrays["progress"] = np.array([self._seed, self.n_iter_], dtype=np.int64)
            arrays |= {n: v.copy() for n, v in zip(_VELOCITY, self._velocity, strict=True)}
            arrays |= {f"history_{name}": np.array(of) for name, of in self.history_.items()}
            if hasattr(self, "particles_"):
                arrays["particles"] = self.particles_.copy()
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], **parameters: Any) -> Self:
        """A fitted machine from :meth:`to_arrays`.

        Parameters
        ----------
        parameters : of the constructor, to go on training with; the kinds and numbers of units
            and the type are those of the arrays.

        Raises
        ------
        BundleError : arrays missing, of shapes that do not fit together, or not finite.
        """
        machine = Machine.from_arrays(arrays)
        kinds = {
            "visible": machine.visible,
            "hidden": machine.hidden,
            "bound": machine.bound,
            "n_components": len(machine.hidden_bias),
            "dtype": str(machine.weights.dtype),
        }
        rbm = cls(**{**parameters, **kinds})
        rbm.weights_ = machine.weights
        rbm.hidden_bias_, rbm.visible_bias_ = machine.hidden_bias, machine.visible_bias
        rbm.n_features_in_ = len(machine.visible_bias)
        rbm.n_iter_, rbm.history_ = 0, _no_history()
        if "progress" in arrays:
            _check_progress(arrays, machine)
            rbm._seed, rbm.n_iter_ = (int(value) for value in arrays["progress"])
            rbm._velocity = [np.array(arrays[name]) for name in _VELOCITY]
            rbm.history_ = {n: list(arrays[f"history_{n}"].tolist()) for n in _no_history()}
            if "particles" in arrays:
                rbm.particles_ = np.array(arrays["particles"])
        return rbm

    def _initialise(self, n_features: int) -> None:
        random = check_random_state(self.random_state)
        self._seed = int(random.randint(np.iinfo(np.int32).max))
        weights = np.random.default_rng(self._seed).normal(size=(n_features, self.n_components))
        self.weights_ = (weights * self.weight_scale).astype(self.dtype)
        self.hidden_bias_ = np.zeros(self.n_components, dtype=self.dtype)
        self.visible_bias_ = np.zeros(n_features, dtype=self.dtype)
        self.n_features_in_ = n_features
        self.n_iter_, self.history_ = 0, _no_history()
        for name in ("_velocity", "particles_"):
            self.__dict__.pop(name, None)

    def _ready(self, rows: Rows, n: int) -> None:
        """Steps made so far and chains, where there are none yet."""
        if not hasattr(self, "_seed"):  # stored without what training needs
            random = check_random_state(self.random_state)
            self._seed = int(random.randint(np.iinfo(np.int32).max))
        if not hasattr(self, "_velocity"):
            of = (self.weights_, self.hidden_bias_, self.visible_bias_)
            self._velocity = [np.zeros_like(parameter) for parameter in of]
        m = self.batch_size if self.n_particles is None else self.n_particles
        if self.algorithm == "sml" and getattr(self, "particles_", np.empty(0)).shape[0] != m:
            self.particles_ = np.zeros((m, self.n_components), dtype=self.dtype)
            if self.start == "data":
                random = np.random.default_rng([self._seed, 0])
                v = np.asarray(rows(random.integers(n, size=m)), dtype=self.dtype)
                x = self.machine.hidden_input(v)
                self.particles_ = self.machine.draw_hidden(x, random)

    def _epoch(self, rows: Rows, n: int) -> None:
        random = np.random.default_rng([self._seed, self.n_iter_ + 1])
        order, machine, size = random.permutation(n), self.machine, self.batch_size
        block = max(1, _BLOCK // size) * size
        for first in range(0, n, block):
            block_rows = np.asarray(rows(order[first : first + block]), dtype=self.dtype)
            for start in range(0, len(block_rows), size):
                self._update(machine, block_rows[start : start + size], random)

    def _update(self, machine: Machine, v: Floats, random: np.random.Generator) -> None:
        """One step, in place, of the machine's parameters, which are this estimator's."""
        x = machine.hidden_input(v)
        persistent = self.algorithm == "sml"
        h = self.particles_ if persistent else machine.draw_hidden(x, random)
        v_chain, x_chain = machine.gibbs(
            h, self.n_steps, random, sample_visible=self.sample_visible
        )
        if persistent:
            self.particles_ = machine.draw_hidden(x_chain, random)
        h_data, h_chain = machine.mean_of_input(x), machine.mean_of_input(x_chain)
        steps = contrast(v, h_data, v_chain, h_chain)
        if self.l2:
            np.subtract(steps[0], (2.0 * self.l2) * machine.weights, out=steps[0])
        parameters = (machine.weights, machine.hidden_bias, machine.visible_bias)
        for parameter, velocity, step in zip(parameters, self._velocity, steps, strict=True):
            np.multiply(velocity, self.momentum, out=velocity)
            np.multiply(step, self.learning_rate, out=step)
            np.add(velocity, step, out=velocity)
            np.add(parameter, velocity, out=parameter)

    def _track(self, watched: Floats, validation: Floats | None) -> None:
        machine, history = self.machine, self.history_
        apart = watched - machine.reconstruct(watched)
        energy = float(machine.free_energy(watched).mean())
        if not np.isfinite(energy) or not np.isfinite(machine.weights).all():
            raise ParameterError(
                f"learning diverged in epoch {self.n_iter_ + 1}; lower learning_rate "
                f"({self.learning_rate}) or standardise the columns of X"
            )
        history["reconstruction_error"].append(float(np.square(apart).mean(dtype=np.float64)))
        history["free_energy"].append(energy)
        if validation is not None:
            held_out = float(machine.free_energy(validation).mean())
            history["validation_free_energy"].append(held_out)
            history["overfit"].append(held_out - energy)

    def _held_out(self, validation: ArrayLike | None) -> tuple[Rows | None, int]:
        if validation is None:
            return None, 0
        x = self._validated(validation)
        return x.__getitem__, len(x)

    def _validated(self, X: ArrayLike, *, reset: bool = False) -> Floats:
        x: Floats = validate_data(self, X, dtype=[np.float32, np.float64], reset=reset)
        if self.visible == "bernoulli" and (x.min() < 0.0 or x.max() > 1.0):
            warnings.warn(
                f"Bernoulli visible units take 0..1, X has {x.min():.3g}..{x.max():.3g}; "
                "scale it, or use visible='gaussian'",
                UserWarning,
                stacklevel=3,
            )
        return x

    def _by_block(
        self,
        X: ArrayLike,
        function: Callable[[Floats], Floats],
        shape: tuple[int, ...],
        dtype: Any = None,
    ) -> Any:
        x = self._validated(X)
        kind = self.weights_.dtype
        result = np.empty((len(x), *shape), dtype=dtype or kind)
        for rows in blocks(len(x)):
            result[rows] = function(np.asarray(x[rows], dtype=kind))
        return result

    def _check_parameters(self) -> None:
        for name, choices in (
            ("visible", VISIBLE), ("hidden", HIDDEN), ("algorithm", ("sml", "cd")),
            ("start", ("zero", "data")), ("dtype", ("float32", "float64")),
        ):  # fmt: skip
            check_choice(name, getattr(self, name), choices)
        for name in ("n_components", "n_steps", "n_particles", "batch_size", "n_epochs"):
            value = getattr(self, name)
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            if not (whole and value >= 1) and not (name == "n_particles" and value is None):
                raise ParameterError(f"{name} must be a whole number from 1, not {value!r}")
        for name, most in (("bound", np.inf), ("learning_rate", 1e6), ("weight_scale", 1e6)):
            check_number(name, getattr(self, name), 0.0, most, low_in=False)
        check_number("l2", self.l2, 0.0, 1e6)
        check_number("momentum", self.momentum, 0.0, 1.0, high_in=False)


def blocks(n: int) -> Iterator[slice]:
    """Slices over n rows, some thousand at a time."""
    return (slice(first, first + _BLOCK) for first in range(0, n, _BLOCK))


def _spread(n: int) -> NDArray[np.intp]:
    """At most so many indices of n rows as are watched, evenly spaced."""
    return np.linspace(0, n - 1, min(n, _WATCHED)).astype(np.intp)


def _no_history() -> dict[str, list[float]]:
    names = ("reconstruction_error", "free_energy", "validation_free_energy", "overfit")
    return {name: [] for name in names}


def _check_progress(arrays: Mapping[str, NDArray[Any]], machine: Machine) -> None:
    """Raise BundleError unless what training goes on from fits the machine."""
    d, k = machine.weights.shape
    history = [f"history_{name}" for name in _no_history()]
    shapes: dict[str, tuple[int | None, ...]] = dict.fromkeys(history, (None,))
    shapes |= dict(zip(_VELOCITY, ((d, k), (k,), (d,)), strict=True)) | {"progress": (2,)}
    if "particles" in arrays:
        shapes["particles"] = (None, k)
    check_stored("the RBM", arrays, shapes, kinds="iuf")
