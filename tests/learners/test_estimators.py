"""scikit-learn's contract, of the learners that take rows of features.

The coupled SVM and the grid search have it among their own tests. The networks of pictures and of
sounds take neither, so that scikit-learn's checks do not apply.
"""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator

from emonets.learners.boltzmann.dbn import DBN
from emonets.learners.boltzmann.rbm import RBM
from emonets.learners.pooled_perceptron.classifier import PooledPerceptron
from emonets.specialists.audio.features.whitening import Whitening

ESTIMATORS: dict[str, Any] = {
    "whitening": Whitening(),
    "whitening, rotated": Whitening(rotate=True),
    "gaussian, relu": RBM(4, n_epochs=4),
    "gaussian, sigmoid": RBM(4, hidden="sigmoid", n_epochs=4),
    "bernoulli, relu": RBM(4, visible="bernoulli", n_epochs=4),
    "bernoulli, sigmoid": RBM(4, visible="bernoulli", hidden="sigmoid", n_epochs=4),
    "contrastive divergence": RBM(4, algorithm="cd", n_steps=2, dtype="float64", n_epochs=4),
    "belief net": DBN([{"n_components": 4}, {"n_components": 3, "hidden": "sigmoid"}]),
    "belief net of machines": DBN(
        [RBM(4, dtype="float64"), RBM(2, hidden="sigmoid", dtype="float64")]
    ),
    "pooled perceptron": PooledPerceptron(
        hidden_layer_sizes=(12, 8), n_epochs=12, batch_size=8, learning_rate=0.01,
        unit_dropout=0.0, pooled_dropout=0.0, random_state=0,
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Bernoulli visible units")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_scikit_learns_contract(name: str) -> None:
    check_estimator(ESTIMATORS[name])
