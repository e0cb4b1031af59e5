"""Success under conditions that stray: the plan, the radii, and episodes that really run."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from gaitway.errors import UsageError
from gaitway.transfer.conditions import Conditions
from gaitway.transfer.robustness import Point, make_plan, sum_up
from gaitway.transfer.schedule import draw_schedule
from gaitway.transfer.sweep import measure
from gaitway_deploy.contract import Contract


def test_each_robot_bears_what_means_something_for_it(go2, franka) -> None:
    legs, arm = make_plan(go2, "mujoco", None, quick=False), make_plan(franka, "mujoco", None, quick=False)
    assert {axis.name for axis in legs.axes} >= {"friction", "added_mass", "motor_strength", "latency", "push"}
    assert {axis.name for axis in arm.axes} >= {"payload", "motor_strength", "latency", "joint_friction"}
    assert {"added_mass", "push", "friction"} <= set(arm.left_out)
    assert (legs.pairs[0][0].name, legs.pairs[0][1].name) == ("friction", "added_mass")
    for plan in (legs, arm):
        for axis in plan.axes:
            assert axis.nominal in axis.values
            assert list(axis.values) == sorted(axis.values)
    # An engine whose robots share a ground cannot have a friction for each.
    assert "friction" in make_plan(go2, "physx", None, quick=False).left_out


def test_a_quick_plan_has_the_ends_and_the_nominal_values(go2) -> None:
    plan, quick = (make_plan(go2, "mujoco", None, quick=short) for short in (False, True))
    for long, short in zip(plan.axes, quick.axes, strict=True):
        assert {long.values[0], long.values[-1], long.nominal} <= set(short.values) <= set(long.values)
        assert len(short.values) < len(long.values)
    assert sum(quick.points().values()) < sum(plan.points().values()) / 4


def test_every_point_of_curves_and_maps_is_planned_once(go2) -> None:
    plan = make_plan(go2, "mujoco", 8, quick=False)
    points = plan.points()
    assert points[Conditions()] == 8
    assert points[replace(Conditions(), friction=0.4)] == 8
    assert points[replace(Conditions(), friction=0.4, added_mass=plan.pairs[0][1].values[-1])] == 4
    sum_up(plan, {conditions: Point(conditions, (True,) * count, {}) for conditions, count in points.items()})


def test_curves_have_the_radius_in_each_direction(go2) -> None:
    plan = make_plan(go2, "mujoco", 10, quick=False)

    def point(conditions: Conditions, count: int) -> Point:
        good = count if conditions.motor_strength >= 0.7 else count // 2
        return Point(conditions, (True,) * good + (False,) * (count - good), {"tilt": count - good})

    curves, maps = sum_up(plan, {conditions: point(conditions, n) for conditions, n in plan.points().items()})
    strength = next(curve for curve in curves if curve.name == "motor_strength")
    # 100 % at 0.7 and 50 % at 0.6: 90 % at 0.68.
    assert strength.radii["down"].value == pytest.approx(0.68)
    assert strength.radii["up"].note == "beyond the range"
    assert strength.edges() == [strength.radii["down"].value]
    assert strength.causes[0] == {"tilt": 5}
    assert strength.low[0] < 0.5 < strength.high[0]
    assert np.array(maps[0].success).shape == (len(maps[0].y_values), len(maps[0].x_values))


def test_a_success_that_only_the_environment_can_judge_is_refused(go2) -> None:
    raw = {**go2.contract.raw, "task": {**go2.contract.raw["task"], "success": {"kind": "other"}}}
    stand_in = SimpleNamespace(path=go2.path, contract=Contract.from_dict(raw), files=go2.files)
    with pytest.raises(UsageError, match="'other'"):
        make_plan(stand_in, "mujoco", None, quick=True)


def test_episodes_run_in_processes_and_conditions_tell(go2, tmp_path) -> None:
    weak, noisy = replace(Conditions(), motor_strength=0.05), replace(Conditions(), noise=50.0)
    schedule = draw_schedule(go2.contract, 3, 0, 1.0)
    lines: list[str] = []
    found = measure(go2, "mujoco", schedule, {Conditions(): 3, weak: 3, noisy: 2}, 0, tmp_path, lines.append)
    assert {conditions: len(point.success) for conditions, point in found.items()} == {
        Conditions(): 3,
        weak: 3,
        noisy: 2,
    }
    # With a twentieth of its strength it lies on the ground within a second.
    assert sum(found[weak].causes.values()) == 3
    assert not any(found[weak].success)
    assert sum(found[Conditions()].causes.values()) < 3
    assert found[noisy].causes
    assert lines
    again = measure(go2, "mujoco", schedule, {weak: 2}, 0, tmp_path, lines.append)
    assert again[weak].success == found[weak].success[:2]
