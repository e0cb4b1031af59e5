"""What happens in episodes: the same in every engine, as the contract says."""

from __future__ import annotations

import numpy as np
import pytest

from gaitway.transfer.schedule import Schedule, draw_schedule, episode_steps


def test_it_depends_on_the_seed_and_the_episode_alone(go2) -> None:
    ten, three = draw_schedule(go2.contract, 10, 4, 9.0), draw_schedule(go2.contract, 3, 4, 9.0)
    np.testing.assert_array_equal(ten.joint_pos[:3], three.joint_pos)
    np.testing.assert_array_equal(ten.yaw[:3], three.yaw)
    np.testing.assert_array_equal(ten.commands["base_velocity"][:3], three.commands["base_velocity"])
    other = draw_schedule(go2.contract, 3, 5, 9.0)
    assert not np.isclose(other.yaw, three.yaw).any()
    assert len(np.unique(ten.yaw)) == 10


def test_first_states_are_drawn_as_the_reset_says(go2) -> None:
    contract = go2.contract
    schedule = draw_schedule(contract, 60, 0, 0.1)
    reset = contract.task.reset
    factor = schedule.joint_pos / contract.default_pos
    assert factor.min() >= reset.joint_pos.low - 1e-9
    assert factor.max() <= reset.joint_pos.high + 1e-9
    middle = 0.5 * (reset.joint_pos.low + reset.joint_pos.high)
    assert factor.mean() == pytest.approx(middle, abs=0.03)
    assert factor.std() > 0.2 * (reset.joint_pos.high - reset.joint_pos.low)
    assert schedule.yaw.min() >= reset.yaw[0]
    assert schedule.yaw.max() <= reset.yaw[1]
    assert schedule.yaw.std() > 1.0


def test_offsets_move_the_joints_that_are_named_and_no_others(franka) -> None:
    contract = franka.contract
    schedule = draw_schedule(contract, 60, 0, 0.1)
    reset = contract.task.reset.joint_pos
    assert reset.kind == "offset"
    moved = contract.joint_indices(reset.joints)
    still = [i for i in range(len(contract.joint_names)) if i not in moved]
    offset = schedule.joint_pos - contract.default_pos
    assert (offset[:, still] == 0.0).all()
    assert (np.abs(offset[:, moved]) <= reset.high + 1e-9).all()
    assert (offset[:, moved].std(axis=0) > 0.0).all()
    assert (schedule.joint_pos >= contract.pos_limits[:, 0]).all()
    assert (schedule.joint_pos <= contract.pos_limits[:, 1]).all()


def test_commands_stay_in_their_ranges_and_change_as_often_as_in_training(go2) -> None:
    command = go2.contract.command("base_velocity")
    values = draw_schedule(go2.contract, 8, 0, 20.0).commands["base_velocity"]
    assert values.shape == (8, 1000, 3)
    for i, element in enumerate(command.elements):
        assert values[..., i].min() >= element.low
        assert values[..., i].max() <= element.high
    for episode in values:
        changes = np.nonzero(np.any(np.diff(episode, axis=0) != 0.0, axis=1))[0] + 1
        lasted = np.diff([0, *changes]) * go2.contract.control_dt
        assert 2 <= len(changes) <= 4
        assert (lasted >= command.resample_s[0] - 0.021).all()
        assert (lasted <= command.resample_s[1] + 0.021).all()


def test_steps_are_counted_as_isaac_lab_counts_them(go2) -> None:
    assert go2.contract.control_dt == 0.02
    assert episode_steps(go2.contract) == 1000
    assert episode_steps(go2.contract, 0.1) == 5
    assert episode_steps(go2.contract, 0.101) == 6
    assert episode_steps(go2.contract, 0.0) == 1


def test_it_comes_back_as_it_was_written(go2, tmp_path) -> None:
    schedule = draw_schedule(go2.contract, 3, 0, 1.0)
    schedule.save(tmp_path / "a.npz")
    back = Schedule.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(back.joint_pos, schedule.joint_pos)
    np.testing.assert_array_equal(back.yaw, schedule.yaw)
    np.testing.assert_array_equal(back.at(1, 7)["base_velocity"], schedule.commands["base_velocity"][1, 7])
    np.testing.assert_array_equal(back.part(slice(1, 3)).yaw, schedule.yaw[1:])
