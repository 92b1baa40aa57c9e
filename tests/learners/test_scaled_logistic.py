"""Logistic regression on numbers of any scale."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from emonets.errors import BundleError, ParameterError
from emonets.learners.logistic.scaled import ScaledLogistic


def _data(seed: int = 0):
    random = np.random.default_rng(seed)
    y = np.repeat([0, 2, 5], 20)
    x = random.normal(size=(60, 6)) * [1, 1e3, 1e-3, 1, 1, 0] + y[:, None] * [1, 1e3, 0, 0, 0, 0]
    return x, y, np.tile(np.arange(10), 6)


def test_is_an_estimator():
    check_estimator(ScaledLogistic(C=1.0))


def test_scales_do_not_matter():
    x, y, groups = _data()
    one = ScaledLogistic().fit(x, y, groups=groups)
    other = ScaledLogistic().fit(x * 1e4 - 7, y, groups=groups)
    assert one.score(x, y) > 0.7
    assert one.C_ == other.C_
    assert np.allclose(one.predict_proba(x), other.predict_proba(x * 1e4 - 7), atol=1e-5)


def test_the_penalty_is_chosen_by_people_it_does_not_know():
    # one column names the group and through it the class: only folds of groups see through it
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(30), 6)
    y = np.repeat(random.integers(0, 2, 30), 6)
    x = random.normal(size=(180, 40)) * 0.1 + random.normal(size=(30, 40))[groups]
    blind = ScaledLogistic().fit(x, y)
    seeing = ScaledLogistic().fit(x, y, groups=groups)
    assert seeing.C_ < blind.C_


def test_a_row_does_not_depend_on_its_batch():
    x, y, _ = _data()
    machine = ScaledLogistic(C=1.0).fit(x, y)
    assert np.array_equal(machine.predict_proba(x)[7:9], machine.predict_proba(x[7:9]))


def test_a_number_that_never_changed_says_nothing():
    x, y, _ = _data()
    machine = ScaledLogistic(C=1.0).fit(x, y)
    changed = x.copy()
    changed[:, 5] = 1e6
    assert np.array_equal(machine.predict_proba(x), machine.predict_proba(changed))


def test_two_classes_and_a_class_of_one_group():
    x, y, groups = _data()
    two = ScaledLogistic().fit(x[y < 5], y[y < 5], groups=groups[y < 5])
    assert two.predict_proba(x).shape == (60, 2)
    alone = np.where(y == 5, 99, groups)  # in one fold nobody shows class 5
    assert ScaledLogistic().fit(x, y, groups=alone).predict_proba(x).shape == (60, 3)


def test_one_class_is_an_error():
    x, _, _ = _data()
    with pytest.raises(ParameterError, match="one class only"):
        ScaledLogistic().fit(x, np.zeros(60))


def test_stored_and_read_again_it_says_the_same():
    x, y, _ = _data()
    machine = ScaledLogistic().fit(x, y)
    arrays = machine.to_arrays()
    again = ScaledLogistic.from_arrays(arrays)
    assert np.array_equal(machine.predict_proba(x), again.predict_proba(x))
    with pytest.raises(BundleError, match="coef"):
        ScaledLogistic.from_arrays({**arrays, "coef": arrays["coef"][:, :2]})
