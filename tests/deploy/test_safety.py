"""The rules themselves: what they let through, what they limit, and that they are all in the docs."""

from __future__ import annotations

import copy
import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitway_deploy.bundle import Bundle
from gaitway_deploy.contract import Contract
from gaitway_deploy.errors import DeployError, RobotError
from gaitway_deploy.safety import Safety, SafetyCfg
from gaitway_deploy.state import RobotState

ROOT = Path(__file__).resolve().parents[2]
DT = 0.02
UPRIGHT = np.array([0.0, 0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def contract(go2_bundle: Path) -> Contract:
    return Bundle.open(go2_bundle).contract


def changed(contract: Contract, change: Any) -> Contract:
    """A contract, with its joints changed."""
    raw = copy.deepcopy(dict(contract.raw))
    change(raw["robot"]["joints"])
    return Contract.from_dict(raw)


def reading(contract: Contract, time: float = 0.0, **values: Any) -> RobotState:
    """What a robot at rest at its default pose says."""
    state = RobotState(
        time,
        contract.joint_names,
        contract.default_pos.copy(),
        np.zeros(12),
        quat=UPRIGHT,
        ang_vel=np.zeros(3),
        lin_vel=np.zeros(3),
    )
    return dataclasses.replace(state, **values)


# -- the rules that limit -----------------------------------------------------------------------------

wide = st.lists(st.floats(-30.0, 30.0), min_size=12, max_size=12).map(np.array)
near = st.lists(st.floats(-0.3, 0.3), min_size=12, max_size=12).map(np.array)


@given(targets=wide, moved=near, speed=wide, before=near)
@settings(max_examples=150, deadline=None)
def test_what_is_sent_is_within_every_rule(
    contract: Contract, targets: np.ndarray, moved: np.ndarray, speed: np.ndarray, before: np.ndarray
) -> None:
    safety = Safety(contract, SafetyCfg())
    q, qd = contract.default_pos + moved, 0.1 * speed
    assert safety.check_state(reading(contract, joint_pos=q, joint_vel=qd), 0.0) is None
    low, high = contract.pos_limits[:, 0], contract.pos_limits[:, 1]
    last = np.clip(contract.default_pos + before, low, high)
    sent, found = safety.limit(targets, last)
    assert (sent >= low).all()
    assert (sent <= high).all()
    effort = contract.stiffness * (sent - q) - contract.damping * qd
    change = np.abs(sent - last)
    most = 4.0 * contract.vel_limit * contract.control_dt
    allowed = 2.0 * contract.effort_limit
    at_limit = (sent == low) | (sent == high)
    assert (at_limit | (np.abs(effort) <= allowed + 1e-9)).all()
    # What the effort asks for comes before the change, and it alone may push a target further.
    at_effort = np.isclose(np.abs(effort), allowed)
    assert (at_limit | at_effort | (change <= most + 1e-9)).all()
    # Nothing is changed that need not be, nothing is said that did not happen.
    within = (np.abs(targets - last) <= most) & (targets >= low) & (targets <= high)
    within &= np.abs(contract.stiffness * (targets - q) - contract.damping * qd) <= allowed
    assert (sent[within] == targets[within]).all()
    assert bool(found) == bool((sent != targets).any())


def test_rules_that_contradict_each_other_do_so_alike_on_both_sides(contract: Contract) -> None:
    """A joint far from its target, on either side: what effort allows comes before what may change."""
    for sign in (1.0, -1.0):
        safety = Safety(contract, SafetyCfg(effort_factor=0.1, target_rate=0.01, position_margin=None))
        middle = contract.pos_limits.mean(axis=1)
        assert safety.check_state(reading(contract, joint_pos=middle + sign * 0.3), 0.0) is None
        sent, _ = safety.limit(middle, middle)
        assert sent == pytest.approx(middle + sign * (0.3 - 0.1 * contract.effort_limit / contract.stiffness))


def test_joints_without_stiffness_or_limits_are_left_alone(contract: Contract) -> None:
    def free(joints: Any) -> None:
        joints[0].update(stiffness=0.0)
        joints[1].update(pos_limits=None, vel_limit=None, effort_limit=None)

    loose = changed(contract, free)
    for cfg in (SafetyCfg(), SafetyCfg(effort_factor=0.0, target_rate=0.0, position_margin=0.0)):
        safety = Safety(loose, cfg)
        fast = np.zeros(12)
        fast[:2] = 3.0, 500.0  # 500 rad/s where no limit is known
        assert safety.check_state(reading(loose, joint_vel=fast), 0.0) is None
        targets = loose.default_pos.copy()
        targets[0] += 0.01 if cfg.target_rate else 0.0
        targets[1] += 100.0
        sent, found = safety.limit(targets, loose.default_pos.copy())
        assert np.isfinite(sent).all()
        assert sent[1] == targets[1]
        assert sent[0] == targets[0]
        assert not any(loose.joint_names[i] in cause for i in (0, 1) for _, cause, _ in found)


def test_without_rules_targets_pass(contract: Contract) -> None:
    safety = Safety(contract, SafetyCfg.off())
    targets = np.full(12, 1e6)
    sent, found = safety.limit(targets, contract.default_pos)
    assert sent is targets
    assert found == []
    broken = reading(contract, joint_pos=np.full(12, 9.0), joint_vel=np.full(12, np.nan), quat=UPRIGHT[[2, 3, 0, 1]])
    assert safety.check_state(broken, 100.0) is None
    assert safety.check_deadline(0.0, DT) is safety.check_deadline(9.0, DT) is safety.check_pace(9.0, DT) is None
    assert safety.soft_start_time(np.zeros(12)) == 0.0


# -- the rules that stop ------------------------------------------------------------------------------


def test_limits_are_met_and_not_passed(contract: Contract) -> None:
    cfg = SafetyCfg(position_margin=0.05, velocity_factor=2.0, frozen_periods=None)
    low, high = contract.pos_limits[2]
    for over, stops in ((0.049, False), (0.051, True)):
        q = contract.default_pos.copy()
        q[2] = high + over * (high - low)
        found = Safety(contract, cfg).check_state(reading(contract, joint_pos=q), 0.0)
        assert (found is not None) == stops
    for factor, stops in ((-1.99, False), (-2.01, True)):
        qd = np.zeros(12)
        qd[7] = factor * contract.vel_limit[7]
        safety = Safety(contract, cfg)
        assert safety.check_state(reading(contract, joint_vel=qd), 0.0) is None  # one may be a foot that lands
        found = safety.check_state(reading(contract, DT, joint_vel=qd), DT)
        assert (found is not None) == stops
    assert safety.check_state(reading(contract, 2 * DT), 2 * DT) is None
    assert safety.check_state(reading(contract, 3 * DT, joint_vel=qd), 3 * DT) is None, "not two in a row"
    for angle, stops in ((0.99, False), (1.01, True)):
        quat = np.array([0.0, math.sin(angle / 2), 0.0, math.cos(angle / 2)])
        found = Safety(contract, SafetyCfg(tilt=1.0)).check_state(reading(contract, quat=quat), 0.0)
        assert (found is not None) == stops
    upside_down = reading(contract, quat=np.array([1.0, 0.0, 0.0, 0.0]))
    assert Safety(contract, SafetyCfg(tilt=4.0)).check_state(upside_down, 0.0) is None  # nothing is tilted by 4 rad


def test_what_the_gyroscope_says_is_no_jump(contract: Contract) -> None:
    def turned_by(angle: float, speed: float) -> Any:
        safety = Safety(contract, SafetyCfg(imu_jump=0.2, tilt=None))
        assert safety.check_state(reading(contract), 0.0) is None
        quat = np.array([0.0, 0.0, math.sin(angle / 2), math.cos(angle / 2)])
        # The other sign is the same orientation.
        return safety.check_state(reading(contract, DT, quat=-quat, ang_vel=np.array([0.0, 0.0, speed])), DT)

    assert turned_by(0.19, 0.0) is None
    assert turned_by(0.21, 0.0) is not None
    assert turned_by(0.3, 6.0) is None


def test_a_loop_that_is_a_little_slow_each_time_is_seen(contract: Contract) -> None:
    safety = Safety(contract, SafetyCfg(deadline_s=0.01))
    late = [safety.check_deadline(i * 1.15 * DT, DT) for i in range(20)]
    assert late[3] is None
    assert late[-1] is not None
    # One that is late and catches up, or late now and then for good, is not.
    safety = Safety(contract, SafetyCfg(deadline_s=0.01))
    times = [0.0, 1.0 * DT, 2.4 * DT, 3.0 * DT, 4.4 * DT, 5.0 * DT] + [(6.4 + i) * DT for i in range(20)]
    times += [(26.8 + i) * DT for i in range(20)]
    assert all(safety.check_deadline(time, DT) is None for time in times)


def test_data_that_rests_is_not_frozen(contract: Contract) -> None:
    """Encoders of few digits on a robot that stands still, beside noisy velocities and a noisy gyroscope."""
    rng = np.random.default_rng(0)
    safety = Safety(contract, SafetyCfg())
    for step in range(3000):
        state = reading(
            contract, step * DT, joint_vel=rng.normal(0.0, 0.02, 12), ang_vel=0.02 * rng.normal(0.0, 1.0, 3)
        )
        assert safety.check_state(state, step * DT) is None, step


def test_sensors_that_are_slower_than_the_loop_are_not_frozen(contract: Contract) -> None:
    safety = Safety(contract, SafetyCfg())
    for tick in range(200):  # a loop of 200 Hz, sensors of 50 Hz
        now = tick * DT / 4
        measured = math.floor(now / DT + 1e-9) * DT
        q = contract.default_pos + 0.05 * math.sin(3.0 * measured)
        state = reading(contract, measured, joint_pos=q, joint_vel=np.full(12, 0.15 * math.cos(3.0 * measured)))
        assert safety.check_state(state, now) is None


def test_readings_of_the_wrong_size_are_refused(contract: Contract) -> None:
    safety = Safety(contract, SafetyCfg())
    for values in (
        {"joint_vel": np.zeros(11)},
        {"joint_pos": [0.0] * 12},
        {"quat": np.zeros(3)},
        {"ang_vel": [0, 0, 0]},
    ):
        with pytest.raises(RobotError, match="numpy arrays"):
            safety.check_state(reading(contract, **values), 0.0)
    found = safety.check_state(reading(contract, extra={"quat": np.array([np.inf])}), 0.0)
    assert found is not None
    assert found[0] == "nan"


# -- the soft start -----------------------------------------------------------------------------------


def test_the_soft_start_takes_longer_from_far_away(contract: Contract) -> None:
    slow = changed(contract, lambda joints: joints[0].update(vel_limit=1.0))
    safety = Safety(slow, SafetyCfg(soft_start_s=0.1, soft_start_speed=0.5))
    assert safety.soft_start_time(slow.default_pos) == pytest.approx(0.1)
    away = slow.default_pos.copy()
    away[0] += 0.5
    # pi/2 * 0.5 rad / (0.5 * 1 rad/s), in whole periods of 20 ms
    assert safety.soft_start_time(away) == pytest.approx(1.58)
    assert Safety(slow, SafetyCfg(soft_start_s=0.1, soft_start_speed=None)).soft_start_time(away) == pytest.approx(0.1)


# -- the settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, "2"])
def test_rules_with_impossible_numbers_are_refused(value: Any) -> None:
    with pytest.raises(DeployError, match="target_rate"):
        SafetyCfg(target_rate=value)


def test_every_rule_is_in_the_docs_with_its_default_and_its_tests() -> None:
    page = (ROOT / "docs/safety.md").read_text()
    for field in dataclasses.fields(SafetyCfg):
        row = re.search(rf"^\| `{field.name}` \| ([^|]+) \|", page, re.MULTILINE)
        assert row, f"{field.name} is not in the table of docs/safety.md"
        assert row.group(1).split()[0] == f"{field.default}", f"{field.name}: its default is {field.default}"
    for path, name in re.findall(r"`(test_\w+\.py)::(\w+)`", page):
        assert f"def {name}(" in (ROOT / "tests/deploy" / path).read_text(), f"there is no {path}::{name}"
