"""The radius in which a policy works."""

from __future__ import annotations

import pytest

from gaitway.transfer.radius import radius


def test_it_lies_between_the_points_that_bracket_it() -> None:
    # From 100 % at 2 to 80 % at 4: 90 % is half-way.
    found = radius([0.0, 2.0, 4.0, 6.0], [1.0, 1.0, 0.8, 0.1])
    assert found.value == pytest.approx(3.0)
    assert (found.reached, found.note) == (2.0, "falls")


def test_it_is_found_on_the_way_down_too_and_the_first_fall_counts() -> None:
    # 95 % at 0.8, 85 % at 0.6: 90 % at 0.7. That all is well again at 0.4 does not help.
    found = radius([1.0, 0.8, 0.6, 0.4], [1.0, 0.95, 0.85, 1.0])
    assert found.value == pytest.approx(0.7)
    assert found.reached == 0.8


def test_exactly_enough_is_enough() -> None:
    assert radius([0.0, 1.0], [0.9, 0.9]).note == "beyond the range"


def test_no_fall_and_no_success_are_told_apart() -> None:
    assert radius([0.0, 1.0, 2.0], [1.0, 0.95, 0.9]).note == "beyond the range"
    assert radius([0.0, 1.0, 2.0], [1.0, 0.95, 0.9]).reached == 2.0
    assert radius([0.0, 1.0, 2.0], [0.5, 1.0, 1.0]).note == "below from the start"
    assert radius([0.0, 1.0, 2.0], [0.5, 1.0, 1.0]).value is None
