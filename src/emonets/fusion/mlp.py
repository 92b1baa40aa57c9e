"""A network of one hidden layer on the models' concatenated probabilities (section 4.2).

With the machines of ``stacked`` the most flexible of the combiners, and the first to overfit.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.utils import check_random_state

from emonets.errors import BundleError, ParameterError
from emonets.fusion.base import Fusion
from emonets.fusion.common import (
    DOMAINS,
    Arrays,
    Floats,
    Ints,
    check_max_clips,
    drawn_clips,
)
from emonets.fusion.protocols import inner_folds
from emonets.fusion.stacked import columns_of, rows_of
from emonets.learners.checks import check_choice, check_number
from emonets.learners.stored import check_stored

PRESETS: dict[str, dict[str, Any]] = {
    "paper 350": {"hidden_layer_sizes": (350,), "batch_size": 20},
    "paper 3500": {"hidden_layer_sizes": (3500,), "batch_size": 20},
}
"""The authors' networks: ReLU units on the probabilities of five models, batches of 20."""


class MlpFusion(Fusion):
    """A network of rectified units on concatenated probabilities (scikit-learn's).

    Parameters
    ----------
    hidden_layer_sizes, batch_size, learning_rate_init, max_iter : as for ``MLPClassifier``;
        :data:`PRESETS` has the authors'.
    alphas : weight decays; the one with the best accuracy on folds of whole groups is used.
    cv : folds. domain : "probability" or "log".
    max_clips : of more clips than this the decay is chosen on a quarter as many, drawn at random.
        Batches are larger then, so that an epoch has no more updates than with so many clips.
        None: never.
    random_state : of the folds, the start and the batches.
    n_models, uniform_models : see ``base``.

    Attributes
    ----------
    coefs_, intercepts_ : of the layers. alpha_ : the decay used. n_iter_ : epochs.
    score_ : accuracy on the folds; NaN with one alpha.
    limited_ : in a few words, what was done differently because of ``max_clips``; or empty.
    """

    kind = "mlp"

    def __init__(
        self,
        *,
        hidden_layer_sizes: Sequence[int] = (350,),
        alphas: Sequence[float] = (1e-4, 1e-2, 1.0),
        batch_size: int = 20,
        learning_rate_init: float = 1e-3,
        max_iter: int = 60,
        cv: int = 3,
        domain: str = "probability",
        max_clips: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_models: int | None = None,
        uniform_models: Sequence[int] = (),
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.alphas = alphas
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.cv = cv
        self.domain = domain
        self.max_clips = max_clips
        self.random_state = random_state
        self.n_models = n_models
        self.uniform_models = uniform_models

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        x = rows_of(p, self.domain)
        seed, folds_seed = check_random_state(self.random_state).randint(2**31, size=2)
        self.limited_ = ""
        few, batch = np.arange(len(x)), self.batch_size
        if self.max_clips is not None and len(x) > self.max_clips:
            few = drawn_clips(target, self.max_clips // 4, int(folds_seed))
            batch = self.batch_size * -(-len(x) // self.max_clips)
            self.limited_ = (
                f"batches of {batch}; its weight decay chosen on {len(few):,} of {len(x):,} clips"
            )
        self.alpha_, self.score_ = float(self.alphas[0]), float("nan")
        if len(self.alphas) > 1:
            xs, ys, among = x[few], target[few], None if groups is None else groups[few]
            right = np.zeros(len(self.alphas))
            for train, test in inner_folds(ys, among, self.cv, int(folds_seed)):
                for i, alpha in enumerate(self.alphas):
                    network = self._train(xs[train], ys[train], alpha, int(seed))
                    right[i] += (network.predict(xs[test]) == ys[test]).sum()
            # of equals the strongest decay
            best = max(range(len(right)), key=lambda i: (right[i], self.alphas[i]))
            self.alpha_, self.score_ = float(self.alphas[best]), float(right[best] / len(few))
        network = self._train(x, target, self.alpha_, int(seed), batch)
        self.coefs_ = [np.array(w) for w in network.coefs_]
        self.intercepts_ = [np.array(b) for b in network.intercepts_]
        self.n_iter_ = int(network.n_iter_)
        self._known = np.asarray(network.classes_, dtype=np.intp)

    def _train(
        self, x: Floats, target: Ints, alpha: float, seed: int, batch: int | None = None
    ) -> MLPClassifier:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return MLPClassifier(
                hidden_layer_sizes=tuple(self.hidden_layer_sizes), alpha=alpha,
                batch_size=min(batch or self.batch_size, len(x)), max_iter=self.max_iter,
                learning_rate_init=self.learning_rate_init, random_state=seed,
            ).fit(x, target)  # fmt: skip

    def _fuse(self, p: Floats) -> Floats:
        h = rows_of(p, self.domain)
        for w, b in zip(self.coefs_[:-1], self.intercepts_[:-1], strict=True):
            h = np.maximum(h @ w + b, 0)
        z = h @ self.coefs_[-1] + self.intercepts_[-1]
        # for two classes scikit-learn has a single output, of the second
        two = z.shape[1] == 1
        predicted = np.hstack([1 - expit(z), expit(z)]) if two else softmax(z, axis=1)
        return columns_of(predicted, self._known, len(self.classes_))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("domain", self.domain, DOMAINS)
        check_max_clips(self.max_clips)
        for name in ("batch_size", "max_iter"):
            check_number(name, getattr(self, name), 1, np.inf, high_in=False)
        check_number("cv", self.cv, 2, np.inf, high_in=False)
        check_number("learning_rate_init", self.learning_rate_init, 0, np.inf, low_in=False)
        for name in ("alphas", "hidden_layer_sizes"):
            if not len(getattr(self, name)):
                raise ParameterError(f"{name} is empty; name one at least")
        for alpha in self.alphas:
            check_number("each of alphas", alpha, 0, np.inf, high_in=False)

    def _settings(self) -> dict[str, Any]:
        return {"domain": self.domain, "layers": len(self.coefs_)}

    def _arrays(self) -> Arrays:
        named = {f"weights.{i}": w for i, w in enumerate(self.coefs_)}
        biases = {f"bias.{i}": b for i, b in enumerate(self.intercepts_)}
        return {**named, **biases, "known": self._known.astype(np.int64)}

    def _restore(self, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        owner, layers, width = "the MLP fusion", int(settings["layers"]), self.n_features_in_
        if settings["domain"] not in DOMAINS or not 1 <= layers <= 9:
            raise BundleError(f"{owner}'s domain or number of layers is invalid")
        check_stored(owner, arrays, {"known": (None,)}, kinds="iu")
        known = np.asarray(arrays["known"], dtype=np.intp)
        k = len(self.classes_)
        if len(known) < 2 or (np.diff(known) <= 0).any() or known[0] < 0 or known[-1] >= k:
            raise BundleError(f"{owner}'s classes are not in rising order, or none of its models'")
        self.coefs_, self.intercepts_ = [], []
        for i in range(layers):
            check_stored(owner, arrays, {f"weights.{i}": (width, None)})
            w = np.array(arrays[f"weights.{i}"], dtype=np.float64)
            check_stored(owner, arrays, {f"bias.{i}": (w.shape[1],)})
            self.coefs_.append(w)
            self.intercepts_.append(np.array(arrays[f"bias.{i}"], dtype=np.float64))
            width = w.shape[1]
        if width != (1 if len(known) == 2 else len(known)):
            raise BundleError(f"{owner} has {width} outputs for {len(known)} classes")
        self.domain, self._known = str(settings["domain"]), known
