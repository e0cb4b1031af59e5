"""The first difference between two engines, on traces whose differences are made by hand."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from gaitway.transfer.parting import LEAST, compare, tolerances

STEPS = 20


def twins(contract, make_traces):
    """The same three episodes, with observations that spread, in two engines."""
    first = make_traces(contract, 3, STEPS)
    first.obs[:] = np.random.default_rng(0).normal(size=first.obs.shape)
    second = copy.deepcopy(first)
    second.engine = "physx"
    return first, second


def test_equal_episodes_do_not_part(go2, make_traces) -> None:
    first, second = twins(go2.contract, make_traces)
    comparison, found = compare(go2.contract, first, second, np.full(3, STEPS))
    assert (comparison.parted, comparison.episodes, comparison.median_s, comparison.earliest) == (0, 3, None, None)
    assert found == []
    assert set(comparison.step_one.values()) == {0.0}


def test_the_first_difference_above_the_tolerance_is_named(go2, make_traces) -> None:
    contract = go2.contract
    first, second = twins(contract, make_traces)
    limits = tolerances(contract, first)
    gravity, joints = contract.observation("projected_gravity"), contract.observation("joint_pos")
    second.obs[0, 2, joints.start] += 0.9 * limits["joint_pos"]  # too little
    second.obs[0, 7, gravity.start + 1] += 2.0 * limits["projected_gravity"]
    second.obs[0, 8, joints.start] += 50.0
    second.obs[2, 11, joints.start + 4] -= 3.0 * limits["joint_pos"]
    comparison, found = compare(contract, first, second, np.full(3, STEPS))
    assert comparison.engines == ("newton", "physx")
    assert comparison.parted == 2
    assert comparison.terms == {"projected_gravity": 1, "joint_pos": 1}
    assert comparison.median_s == pytest.approx((7 + 11) / 2 * contract.control_dt)
    earliest = comparison.earliest
    assert (earliest.episode, earliest.step, earliest.term, earliest.element) == (0, 7, "projected_gravity", 1)
    assert earliest.second - earliest.first == pytest.approx(2.0 * limits["projected_gravity"], rel=1e-3)
    assert [(item.episode, item.step, item.element) for item in found] == [(0, 7, 1), (2, 11, 4)]


def test_of_several_terms_the_one_furthest_out_is_named(go2, make_traces) -> None:
    first, second = twins(go2.contract, make_traces)
    limits = tolerances(go2.contract, first)
    for name, times in (("joint_pos", 2.0), ("base_ang_vel", 4.0)):
        second.obs[1, 5, go2.contract.observation(name).start] += times * limits[name]
    assert compare(go2.contract, first, second, np.full(3, STEPS))[0].earliest.term == "base_ang_vel"


def test_what_comes_after_the_end_of_an_episode_is_not_looked_at(go2, make_traces) -> None:
    first, second = twins(go2.contract, make_traces)
    second.obs[1, 9:] = np.nan
    comparison, _ = compare(go2.contract, first, second, np.array([STEPS, 9, STEPS]))
    assert comparison.parted == 0
    assert compare(go2.contract, first, second, np.array([STEPS, 10, STEPS]))[0].parted == 1


def test_a_tolerance_is_the_noise_of_training_or_a_tenth_of_the_spread(go2, make_traces) -> None:
    contract = go2.contract
    first, _ = twins(contract, make_traces)
    limits = tolerances(contract, first)
    for term in contract.observations:
        spread = 0.1 * first.obs[:, :, term.start : term.stop].std(axis=(0, 1)).mean()
        noisy = term.noise is not None and max(-term.noise.low, term.noise.high) * np.abs(term.scale).max()
        assert limits[term.name] == pytest.approx(noisy or spread, rel=1e-4)
    first.obs[:] = 0.0
    assert min(tolerances(contract, first).values()) == LEAST
