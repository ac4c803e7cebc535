"""The tail of more than 1e9 impostor scores against numpy, on planted truth."""

import pytest

from benchmarks.trillion_tail import compared


@pytest.mark.slow
def test_thresholds_and_tpr_at_one_in_a_thousand_million_equal_numpys():
    found = compared(32_768)
    assert found["impostors"] > 1e9
    assert found["thresholds_apart"] < 1e-14
    assert found["tpr_apart"] == found["false_apart"] == 0
    assert 0 < found["tpr_least_far"] < 1
