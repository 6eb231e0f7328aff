"""The comparison that decides whether an import is written."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.torch_import.check import relative_difference, require_equal


def test_relative_to_the_range_of_each_output():
    expected = {"big": np.array([0.0, 100.0]), "small": np.array([0.0, 0.01])}
    found = {"big": np.array([0.001, 100.0]), "small": np.array([0.0, 0.01]), "more": np.zeros(1)}
    assert relative_difference(found, expected) == pytest.approx(1e-5)
    assert relative_difference({"a": np.zeros(2)}, {"a": np.zeros(2)}) == 0
    assert relative_difference({"a": np.array([np.nan])}, {"a": np.ones(1)}) == np.inf


def test_the_limit(capsys):
    require_equal(9e-5)
    assert "largest difference 9.0e-05" in capsys.readouterr().out
    for difference, shown in ((2e-4, "2.0e-04"), (np.inf, "inf"), (np.nan, "nan")):
        with pytest.raises(InputError, match=f"{shown} .*0.0001"):
            require_equal(difference)
