"""What a network's input may be scaled by."""

import pytest

from data_prep.transforms import Transform


@pytest.mark.parametrize(
    "wrong", [{"scale": 0.0}, {"scale": -1.0}, {"scale": float("nan")}, {"mean": float("inf")}]
)
def test_a_scale_that_gives_no_numbers_is_refused(wrong):
    with pytest.raises(ValueError, match="expected a finite mean and a finite scale above 0"):
        Transform(**wrong)
    with pytest.raises(ValueError, match=r"meta\.json: mean .* and scale"):
        Transform.from_dict({**Transform().to_dict(), **wrong}, "meta.json")
