"""The linear machine of numbers of any scale."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from emonets.errors import BundleError
from emonets.learners.scaled_svm import ScaledSVC


def _data(seed: int = 0):
    random = np.random.default_rng(seed)
    y = np.repeat([0, 2, 5], 20)
    x = random.normal(size=(60, 6)) * [1, 1e3, 1e-3, 1, 1, 0] + y[:, None] * [1, 1e3, 0, 0, 0, 0]
    return x, y, np.tile(np.arange(10), 6)


def test_is_an_estimator():
    check_estimator(ScaledSVC(C=1.0))


def test_scales_do_not_matter():
    x, y, groups = _data()
    one = ScaledSVC(random_state=0).fit(x, y, groups=groups)
    other = ScaledSVC(random_state=0).fit(x * 1e4 - 7, y, groups=groups)
    assert one.score(x, y) > 0.7
    assert np.allclose(one.predict_proba(x), other.predict_proba(x * 1e4 - 7), atol=1e-5)


def test_a_row_does_not_depend_on_its_batch():
    x, y, _ = _data()
    machine = ScaledSVC(C=1.0, random_state=0).fit(x, y)
    assert np.array_equal(machine.predict_proba(x)[7:9], machine.predict_proba(x[7:9]))


def test_a_number_that_never_changed_says_nothing():
    x, y, _ = _data()
    machine = ScaledSVC(C=1.0, random_state=0).fit(x, y)
    changed = x.copy()
    changed[:, 5] = 1e6
    assert np.array_equal(machine.predict_proba(x), machine.predict_proba(changed))


def test_stored_and_read_again_it_says_the_same():
    x, y, _ = _data()
    machine = ScaledSVC(random_state=0).fit(x, y)
    arrays = machine.to_arrays()
    again = ScaledSVC.from_arrays(arrays)
    assert np.array_equal(machine.predict_proba(x), again.predict_proba(x))
    with pytest.raises(BundleError, match="weights"):
        ScaledSVC.from_arrays({**arrays, "weights": arrays["weights"][:, :2]})
