"""Every way to combine models, by name, from the simplest to the most flexible.

The order matters: where two strategies are equally good on clips that they were not fitted on, the
earlier one is preferred (``evaluation.compare_fusion.recommend``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emonets.errors import ParameterError
from emonets.fusion.average import MeanFusion, ProductFusion, RecallWeightedMean
from emonets.fusion.bagging import BaggedFusion
from emonets.fusion.base import Fusion
from emonets.fusion.calibration import CalibratedFusion
from emonets.fusion.logistic import LogisticFusion
from emonets.fusion.mlp import MlpFusion
from emonets.fusion.search import RandomSearch
from emonets.fusion.settings import FusionNumbers
from emonets.fusion.stacked import ScaledSvmFusion, SvmFusion
from emonets.runtime.settings import setting

DEFAULT = "product"
"""Used where there are no data to fit on: out of fold it was better than the mean wherever it was
measured (``docs/results/fusion.md``)."""

RECOMMENDED = "recommended"
"""In a preset: the strategy that is best on the data."""
MAX_CLIPS = 2_000
"""Training clips beyond which the costly strategies do less: machines are fitted on so many, a
network has larger batches, and the searches of a bag share their weightings."""
_SHORT = {"n_uniform": 4_000, "n_local": 6_000}
_EXPONENTS = (-1.0, 0.0, 1.0)


Maker = Callable[[int | None, FusionNumbers], Fusion]


@dataclass(frozen=True)
class Strategy:
    """A fusion to be made and fitted.

    Attributes
    ----------
    build : of a seed and the numbers of a preset: the estimator.
    about : one line on what it is.
    paper : whether it is one of the paper's.
    """

    build: Maker
    about: str
    paper: bool = True

    def make(self, seed: int | None, numbers: FusionNumbers | None = None) -> Fusion:
        """The estimator, by default with the paper's numbers."""
        return self.build(seed, numbers or FusionNumbers())


def _searched(**changes: object) -> Maker:
    return lambda seed, numbers: RandomSearch(
        **{**numbers.search.whole, **changes}, random_state=seed
    )


def _bagged(**changes: object) -> Maker:
    def make(seed: int | None, numbers: FusionNumbers) -> Fusion:
        inner = RandomSearch(**{**_SHORT, **numbers.search.steps, **changes})
        return BaggedFusion(
            inner, n_estimators=numbers.bagging.members, max_clips=MAX_CLIPS, random_state=seed
        )

    return make


STRATEGIES: Mapping[str, Strategy] = {
    "mean": Strategy(lambda seed, _: MeanFusion(), "mean of the models' probabilities (4.1)"),
    "product": Strategy(
        lambda seed, _: ProductFusion(), "product of the models' probabilities", paper=False
    ),
    "best subset": Strategy(
        lambda seed, _: MeanFusion(models="best"), "mean of those models whose mean is best (4.1)"
    ),
    "recall weights": Strategy(
        lambda seed, _: RecallWeightedMean(), "mean weighted by each model's recall of each class"
    ),
    "calibrated product": Strategy(
        lambda seed, _: CalibratedFusion(random_state=seed),
        "product at a temperature of each model's own", paper=False,
    ),
    "logistic": Strategy(
        lambda seed, _: LogisticFusion(random_state=seed),
        "product with a weight a model, shrunk towards equal ones", paper=False,
    ),
    "logistic by class": Strategy(
        lambda seed, _: LogisticFusion(weights="class", random_state=seed),
        "product with a weight a model and class, shrunk towards equal ones", paper=False,
    ),
    "logistic full": Strategy(
        lambda seed, _: LogisticFusion(weights="full", random_state=seed),
        "logistic regression on log-probabilities, shrunk towards the product", paper=False,
    ),
    "bagging": Strategy(_bagged(), "350 random searches on resamples, averaged (4.4.2)"),
    "bagging, log": Strategy(
        _bagged(domain="log"), "350 searches over products, averaged", paper=False
    ),
    "search, uniform": Strategy(
        _searched(n_uniform=40_000, n_local=0), "random search, uniform draws only (4.3)"
    ),
    "search": Strategy(_searched(), "random search, then local search around the best (4.3)"),
    "search, dirichlet": Strategy(
        _searched(draws="dirichlet", concentration=10.0, n_uniform=40_000, n_local=0),
        "random search of weights near equal ones", paper=False,
    ),
    "search, log": Strategy(
        _searched(domain="log"), "random and local search over weighted products", paper=False
    ),
    "svm": Strategy(
        lambda seed, _: SvmFusion(
            exponents=_EXPONENTS, cv=4, max_clips=MAX_CLIPS, random_state=seed
        ),
        "RBF machine on the concatenated probabilities (4.2)",
    ),
    "scaled svm": Strategy(
        lambda seed, numbers: ScaledSvmFusion(
            scales=numbers.svm.scales, n_trials=numbers.svm.trials, exponents=_EXPONENTS, cv=4,
            max_clips=MAX_CLIPS, random_state=seed,
        ),
        "the same, each number scaled by 0, 1, 2 or 3 (4.2)",
    ),
    "mlp": Strategy(
        lambda seed, numbers: MlpFusion(
            hidden_layer_sizes=numbers.mlp.units, batch_size=numbers.mlp.batch_size,
            max_clips=MAX_CLIPS, random_state=seed,
        ),
        "a network of 350 rectified units (4.2)",
    ),
}  # fmt: skip
"""Name → :class:`Strategy`."""


def make_fusion(
    name: str = DEFAULT, *, seed: int | None = None, numbers: FusionNumbers | None = None
) -> Fusion:
    """A strategy's estimator, by name.

    Parameters
    ----------
    numbers : of a preset's ``fusion`` table; None: the paper's.

    Raises
    ------
    ParameterError : there is none of that name; the message lists them.
    """
    if name not in STRATEGIES:
        raise ParameterError(f"there is no strategy {name!r}; there are {', '.join(STRATEGIES)}")
    return STRATEGIES[name].make(seed, numbers)


@dataclass(frozen=True, kw_only=True)
class FusionSettings(FusionNumbers):
    """A preset's ``fusion`` table; ``coverage`` is the share of clips that keep a label."""

    strategy: str = setting(DEFAULT, choices=(*STRATEGIES, RECOMMENDED), section="4")
    coverage: float = setting(0.8, low=0, low_in=False, high=1)
