"""Standing up, hopping and jumping: what counts as a hop and a leap, and where episodes begin, on every engine."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch

from gaitway.export.task import describe_commands
from gaitway.tasks.locomotion.hop.mdp import HopCommand
from gaitway.tasks.locomotion.jump.jump_env_cfg import BOX
from gaitway.tasks.locomotion.jump.mdp import JumpCommand, reset_before_or_on_box

ENGINES = pytest.mark.parametrize("engine", ["mujoco_cpu", "newton_mjwarp", "ovphysx"])
NUM_ENVS = 16
FEET = ["FL_foot", "FR_foot", "RL_foot", "RR_foot"]
ALL, DIAGONAL = [1, 1, 1, 1], [1, 0, 0, 1]
UP = [0, 0, 0, 0]


# -- what counts --------------------------------------------------------------------------------------


def hop_command(fake_env, env_cfgs: dict[str, Any], told: list[list[int]]) -> HopCommand:
    """Go2's command, which has chosen these feet."""
    env = fake_env(current_contact_time=torch.zeros(len(told), 5), root_pos_w=torch.zeros(len(told), 3))
    env.scene.sensors["contact_forces"].find_sensors = lambda names, preserve_order: ([1, 2, 3, 4], names)
    term = HopCommand(copy.deepcopy(env_cfgs["Gaitway-Hop-Go2"].commands.hop), env)
    assert term.feet == FEET
    term._command[:] = torch.tensor(told)
    return term


def run(command: HopCommand, *steps: tuple[int, list[list[int]]]) -> list[float]:
    """Let feet be down for numbers of steps; give the hops."""
    for count, down in steps:
        for _ in range(count):
            command.count(torch.tensor(down) > 0)
    return command.hops.tolist()


def test_a_hop_is_a_flight_of_80_ms_after_a_stance(fake_env, env_cfgs) -> None:
    command = hop_command(fake_env, env_cfgs, [ALL, ALL])
    # The second leaves a step later.
    assert run(command, (5, [ALL, ALL]), (1, [UP, ALL]), (3, [UP, UP])) == [1.0, 0.0]
    assert run(command, (1, [UP, UP])) == [1.0, 1.0]
    assert run(command, (10, [UP, UP])) == [1.0, 1.0], "one flight is one hop"
    assert run(command, (1, [ALL, ALL]), (3, [UP, UP]), (1, [ALL, ALL]), (4, [UP, UP])) == [2.0, 2.0]


def test_only_a_stance_on_the_commanded_feet_and_no_other_makes_a_hop(fake_env, env_cfgs) -> None:
    command = hop_command(fake_env, env_cfgs, [DIAGONAL, DIAGONAL, DIAGONAL])
    one, other = [1, 0, 0, 0], [0, 1, 0, 0]
    stances = [DIAGONAL, one, DIAGONAL]
    # The third puts down another foot before it leaves.
    assert run(command, (3, stances), (1, [DIAGONAL, one, other]), (4, [UP] * 3)) == [1.0, 0.0, 0.0]
    torch.testing.assert_close(command.others_down, torch.tensor([0.0, 0.0, 0.02]))
    # What it did before the last landing is forgotten.
    assert run(command, (1, [DIAGONAL] * 3), (4, [UP] * 3)) == [2.0, 1.0, 1.0]
    # For how long it stands on them does not matter.
    assert run(command, (10, [DIAGONAL] * 3), (4, [UP] * 3)) == [3.0, 2.0, 2.0]


def test_feet_that_come_and_go_one_after_the_other_do_not_hop(fake_env, env_cfgs) -> None:
    command = hop_command(fake_env, env_cfgs, [ALL, ALL])
    front = [1, 1, 0, 0]
    # On the front feet only for 80 and 100 ms of a stance, half when landing, half when leaving.
    run(command, (4, [UP, UP]), (2, [front, front]), (3, [ALL, ALL]), (2, [front, front]), (1, [UP, front]))
    assert run(command, (4, [UP, UP])) == [1.0, 0.0]
    # The next stance is another.
    assert run(command, (3, [ALL, ALL]), (4, [UP, UP])) == [2.0, 1.0]


def test_an_episode_begins_with_no_hop_and_feet_to_choose(fake_env, env_cfgs) -> None:
    told = [ALL] * 400
    command = hop_command(fake_env, env_cfgs, told)
    run(command, (2, told), (4, [UP] * 400))
    assert command.hops.min() == 1.0
    command.reset(slice(None))
    assert command.hops.max() == command.flight.max() == 0.0
    chosen = ["".join(str(int(foot)) for foot in row) for row in command.command.tolist()]
    shares = {choice: chosen.count(choice) / 400 for choice in set(chosen)}
    assert shares == {choice: pytest.approx(share, abs=0.1) for choice, share in command.cfg.choices.items()}
    # The flight that the last episode ended in is not continued.
    run(command, (3, [UP] * 400))
    assert command.hops.max() == 0.0


@pytest.mark.parametrize("last", [[1, 0, 0, 0], [0, 1, 0, 0]], ids=["too long on one foot", "on another foot"])
def test_a_hop_command_forgets_the_last_episode_and_no_other(last: list[int], fake_env, env_cfgs) -> None:
    command = hop_command(fake_env, env_cfgs, [DIAGONAL, DIAGONAL])
    run(command, (6, [last, last]))
    down = command.others_down[1].item()
    command.reset(torch.tensor([0]))
    assert command.others_down.tolist() == [0.0, down]
    command._command[:] = torch.tensor(DIAGONAL)
    # The second is still in the stance that it began before.
    assert run(command, (1, [DIAGONAL, DIAGONAL]), (4, [UP, UP])) == [1.0, 0.0]


def test_feet_are_down_that_the_sensor_says_touch(fake_env, env_cfgs) -> None:
    command = hop_command(fake_env, env_cfgs, [DIAGONAL, DIAGONAL])
    # Body 0 is the trunk. The first has down what it should; the second both other feet as well.
    contact = torch.tensor([[0.5, 0.1, 0.0, 0.0, 0.1], [0.0, 0.02, 3.0, 3.0, 0.1]])
    command._sensor.data.current_contact_time.torch[:] = contact
    command._update_metrics()
    torch.testing.assert_close(command.others_down, torch.tensor([0.0, 0.02]))
    assert command.flight.tolist() == [0.0, 0.0]
    command._sensor.data.current_contact_time.torch[1, 1:] = 0.0
    command._update_metrics()
    torch.testing.assert_close(command.flight, torch.tensor([0.0, 0.02]))


def test_a_jump_begins_before_the_edge_on_the_ground_or_on_the_box(fake_env) -> None:
    count, origin = 400, torch.tensor([10.0, -20.0, 0.5])
    default = torch.tensor([[0.0, 0.0, 0.32, 0.0, 0.0, 0.0, 1.0]] * count)
    env = fake_env(default_root_pose=default.clone(), env_origins=origin.repeat(count, 1))
    robot, written = env.scene["robot"], {}
    robot.write_root_link_pose_to_sim_index = lambda root_pose, env_ids: written.update(pose=root_pose, ids=env_ids)
    robot.write_root_com_velocity_to_sim_index = lambda root_velocity, env_ids: written.update(velocity=root_velocity)
    ids, size = slice(100, None), (1.2, 1.4, 0.2)
    reset_before_or_on_box(env, ids, size, gap=(0.4, 0.6), side=0.1, yaw=0.3, on_box=0.25, velocity=0.2)
    assert torch.equal(robot.data.default_root_pose.torch, default)
    assert written["ids"] == ids
    assert len(written["pose"]) == 300
    x, y, z = (written["pose"][:, :3] - origin).unbind(dim=1)
    on = z > 0.42
    torch.testing.assert_close(z, torch.where(on, 0.52, 0.32))
    assert 0.1 < on.float().mean() < 0.4
    assert written["pose"][:, 3:5].abs().max() == 0.0
    yaw = 2.0 * torch.atan2(written["pose"][:, 5], written["pose"][:, 6])
    linear, angular = written["velocity"].split(3, dim=1)
    assert angular.abs().max() == 0.0
    # The edge ahead is at -0.6 or 0.6.
    ranges = [(torch.where(on, 0.6, -0.6) - x, 0.4, 0.6), (y, -0.1, 0.1), (yaw, -0.3, 0.3)]
    for values, low, high in ranges + [(speed, -0.2, 0.2) for speed in linear.unbind(dim=1)]:
        tenth = 0.1 * (high - low)
        assert low - 1e-5 <= values.min() < low + tenth
        assert high - tenth < values.max() <= high + 1e-5


def test_places_to_land_are_drawn_for_each_robot(fake_env, env_cfgs) -> None:
    count = 300
    env = fake_env(
        root_pos_w=torch.tensor([[-1.1, 0.1, 0.3]] * count), root_quat_w=torch.tensor([[0.0, 0.0, 0.0, 1.0]] * count)
    )
    cfg = copy.deepcopy(env_cfgs["Gaitway-Jump-Go2"].commands.jump)
    cfg.size, cfg.beyond = (1.2, 1.4, 0.2), (0.3, 0.5)
    command = JumpCommand(cfg, env)
    command.reset(slice(None))
    beyond = command.place[:, 0] + 0.6
    assert 0.3 - 1e-6 <= beyond.min() < 0.32
    assert 0.48 < beyond.max() <= 0.5 + 1e-6


def test_the_place_is_told_as_seen_from_the_robot(fake_env, env_cfgs) -> None:
    half = math.sqrt(0.5)
    # Before the box, on it, and before it, to the left and looking to the left. Environments are 10 m apart.
    env = fake_env(
        root_pos_w=torch.tensor([[-1.1, 0.1, 0.3], [9.9, 0.0, 0.5], [18.9, 0.3, 0.3]]),
        root_quat_w=torch.tensor([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.0, half, half]]),
        env_origins=torch.tensor([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [20.0, 0.0, 0.0]]),
    )
    cfg = copy.deepcopy(env_cfgs["Gaitway-Jump-Go2"].commands.jump)
    cfg.size, cfg.beyond = (1.2, 1.4, 0.2), (0.5, 0.5)
    command = JumpCommand(cfg, env)
    command.reset(slice(None))
    # Edges at -0.6 and 0.6, places 0.5 m beyond.
    torch.testing.assert_close(command.place, torch.tensor([[-0.1, 0.0, 0.2], [11.1, 0.0, 0.0], [19.9, 0.0, 0.2]]))
    expected = [[1.0, -0.1, 0.5, 0.2], [1.2, 0.0, 0.7, -0.2], [-0.3, -1.0, 0.5, 0.2]]
    torch.testing.assert_close(command.command, torch.tensor(expected), atol=1e-5, rtol=0.0)


def test_the_longest_flight_is_remembered_but_not_the_drop_at_the_beginning(fake_env, env_cfgs) -> None:
    env = fake_env(root_pos_w=torch.zeros(2, 3), root_quat_w=torch.tensor([[0.0, 0.0, 0.0, 1.0]] * 2))
    command = JumpCommand(copy.deepcopy(env_cfgs["Gaitway-Jump-Go2"].commands.jump), env)
    command.reset(slice(None))
    for touches in ([0, 0], [0, 1], [1, 0], [0, 0], [0, 1], [1, 0]):
        command.count(torch.tensor(touches) > 0, torch.tensor([False, False]))
    # The first is in the air for two steps after it stood; the second for two, and then for one.
    torch.testing.assert_close(command.longest_flight, torch.tensor([0.04, 0.04]))
    torch.testing.assert_close(command.flight, torch.tensor([0.0, 0.02]))
    # In the first environment another episode begins, in the air; in the second the flight goes on.
    nobody = torch.tensor([False, False])
    command.count(nobody, nobody)
    assert command.reset(torch.tensor([0]))["longest_flight"].item() == pytest.approx(0.04)
    command.count(nobody, nobody)
    torch.testing.assert_close(command.longest_flight, torch.tensor([0.0, 0.06]))
    torch.testing.assert_close(command.flight, torch.tensor([0.0, 0.06]))


def test_a_leap_takes_the_trunk_across_the_edge(fake_env, env_cfgs) -> None:
    env = fake_env(root_pos_w=torch.zeros(4, 3), root_quat_w=torch.tensor([[0.0, 0.0, 0.0, 1.0]] * 4))
    command = JumpCommand(copy.deepcopy(env_cfgs["Gaitway-Jump-Go2"].commands.jump), env)
    command.reset(slice(None))
    # All fly for 60 ms at once. Only the second leaps; the first comes down before the edge and steps across, the third
    # was beyond it before, the last flies back.
    for touches, beyond in (
        (1, [0, 0, 1, 1]),
        (0, [0, 0, 1, 1]),
        (0, [0, 1, 1, 0]),
        (0, [0, 1, 1, 0]),
        (1, [1, 1, 1, 0]),
    ):
        command.count(torch.tensor([touches] * 4) > 0, torch.tensor(beyond) > 0)
    torch.testing.assert_close(command.longest_flight, torch.tensor([0.06] * 4))
    torch.testing.assert_close(command.longest_leap, torch.tensor([0.0, 0.06, 0.0, 0.0]))
    # A shorter one later does not count, and another episode begins with none.
    for touches, beyond in ((1, [0] * 4), (0, [1] * 4), (1, [1] * 4)):
        command.count(torch.tensor([touches] * 4) > 0, torch.tensor(beyond) > 0)
    torch.testing.assert_close(command.longest_leap, torch.tensor([0.02, 0.06, 0.02, 0.02]))
    command.reset(torch.tensor([1]))
    assert command.longest_leap[1] == 0.0


def test_a_robot_is_in_the_air_when_no_body_touches_anything(fake_env, env_cfgs) -> None:
    env = fake_env(
        root_pos_w=torch.zeros(2, 3),
        root_quat_w=torch.tensor([[0.0, 0.0, 0.0, 1.0]] * 2),
        current_contact_time=torch.tensor([[0.0, 0.0, 0.4], [0.0, 0.0, 0.02]]),
    )
    command = JumpCommand(copy.deepcopy(env_cfgs["Gaitway-Jump-Go2"].commands.jump), env)
    command.reset(slice(None))
    command._update_metrics()
    assert command.flight.tolist() == [0.0, 0.0]
    env.scene.sensors["contact_forces"].data.current_contact_time.torch[0] = 0.0
    command._update_metrics()
    torch.testing.assert_close(command.flight, torch.tensor([0.02, 0.0]))


# -- on the engines -----------------------------------------------------------------------------------


def idle(env: Any, steps: int) -> None:
    """Hold the default pose."""
    for _ in range(steps):
        env.step(torch.zeros(env.action_space.shape, device=env.unwrapped.device))


@ENGINES
def test_the_box_bears_the_robots_that_begin_on_it(engine: str, open_env) -> None:
    with open_env("Gaitway-Jump-Go2", engine, NUM_ENVS) as env, torch.inference_mode():
        env.reset()
        unwrapped = env.unwrapped
        data = unwrapped.scene["robot"].data
        position = data.root_pos_w.torch - unwrapped.scene.env_origins
        on = position[:, 2] > BOX[2] + 0.2
        assert on.any()
        assert not on.all()
        ahead, left, edge, rise = unwrapped.command_manager.get_command("jump").unbind(dim=1)
        torch.testing.assert_close(rise, torch.where(on, -BOX[2], BOX[2]))
        assert 0.4 <= edge.min() <= edge.max() <= 0.65
        assert 0.7 < ahead.min() < ahead.max() < 1.3
        assert left.abs().max() < 0.3
        idle(env, 40)
        height = (data.root_pos_w.torch - unwrapped.scene.env_origins)[:, 2]
        above = height - torch.where(on, BOX[2], 0.0)
        assert 0.2 < above.min() <= above.max() < 0.34
        assert (-data.projected_gravity_b.torch[:, 2]).min() > 0.95


@pytest.mark.parametrize("engine", ["mujoco_cpu", "ovphysx"])
def test_a_robot_is_dropped_anyhow_and_comes_to_lie_on_the_ground(engine: str, open_env) -> None:
    with open_env("Gaitway-StandUp-Go2", engine, 32) as env, torch.inference_mode():
        env.reset()
        unwrapped = env.unwrapped
        data = unwrapped.scene["robot"].data
        up = -data.projected_gravity_b.torch[:, 2]
        assert up.min() < -0.8
        assert up.max() > 0.8
        spread = (data.joint_pos.torch - data.default_joint_pos.torch).abs().amax(dim=0)
        assert spread.min() > 0.5
        env.step(torch.zeros(env.action_space.shape, device=unwrapped.device))
        # One that had begun in the ground would be shot out of it.
        assert data.root_lin_vel_w.torch.norm(dim=-1).max() < 3.0
        idle(env, 75)
        height = data.root_pos_w.torch[:, 2]
        assert 0.05 < height.min() <= height.max() < 0.4
        # Those that lie on their backs lie on the trunk, 9 cm thick to each side.
        back = -data.projected_gravity_b.torch[:, 2] < -0.9
        assert back.any()
        assert height[back].max() < 0.15


def test_a_robot_is_told_what_the_commands_mean(open_env) -> None:
    with open_env("Gaitway-Hop-Go2", "mujoco_cpu", 2) as env, torch.inference_mode():
        env.reset()
        (command,) = describe_commands(env.unwrapped, env.unwrapped.cfg)
        assert command["kind"] == "other"
        assert [element["name"] for element in command["elements"]] == [
            "front_left", "front_right", "hind_left", "hind_right",
        ]  # fmt: skip
        term = env.unwrapped.command_manager.get_term("hop")
        assert term.feet == FEET
        idle(env, 20)
        # Standing on all four: those that are to keep feet up do not.
        told = term.command.sum(dim=-1)
        assert (term.others_down[told < 4] > 0.1).all()
        assert (term.others_down[told == 4] == 0.0).all()


# -- verdicts -----------------------------------------------------------------------------------------


def end_now(env: Any) -> list[bool]:
    """Let all episodes run out of time with the next step; give the verdicts."""
    unwrapped = env.unwrapped
    unwrapped.episode_length_buf[:] = unwrapped.max_episode_length - 1
    _, _, terminated, truncated, extras = env.step(torch.zeros(env.action_space.shape, device=unwrapped.device))
    assert truncated.all()
    assert not terminated.any()
    return extras["success"].tolist()


def put(env: Any, position: torch.Tensor, quat: list[float]) -> None:
    """Put robots there, at rest and in the default pose."""
    robot = env.unwrapped.scene["robot"]
    turned = torch.tensor(quat, device=position.device).expand(len(position), 4)
    robot.write_root_link_pose_to_sim_index(root_pose=torch.cat([position, turned], dim=-1))
    robot.write_root_com_velocity_to_sim_index(root_velocity=torch.zeros_like(robot.data.root_com_vel_w.torch))
    robot.write_joint_position_to_sim_index(position=robot.data.default_joint_pos.torch)
    robot.write_joint_velocity_to_sim_index(velocity=torch.zeros_like(robot.data.joint_vel.torch))


def test_who_stands_at_the_end_stood_up(open_env) -> None:
    with open_env("Gaitway-StandUp-Go2", "mujoco_cpu", 4) as env, torch.inference_mode():
        env.reset()
        position = env.unwrapped.scene.env_origins.clone()
        # `stood_up`: at full height; 2 cm lower; 20 cm higher.
        position[:, 2] += torch.tensor([0.32, 0.30, 0.52, 0.32])
        put(env, position, [0.0, 0.0, 0.0, 1.0])
        assert end_now(env) == [True, True, False, True]
        put(env, position, [1.0, 0.0, 0.0, 0.0])
        assert end_now(env) == [False] * 4


def test_who_hopped_often_enough_on_the_right_feet_hopped(open_env) -> None:
    with open_env("Gaitway-Hop-Go2", "mujoco_cpu", 4) as env, torch.inference_mode():
        env.reset()
        command = env.unwrapped.command_manager.get_term("hop")
        # `hopped`: 8 s, so 8 hops, 1.2 s at most on other feet, and half a metre.
        command.hops[:] = torch.tensor([8.0, 7.0, 20.0, 20.0])
        command.others_down[:] = torch.tensor([0.0, 0.0, 1.1, 1.3])
        assert end_now(env) == [True, False, True, False]
        position = env.unwrapped.scene["robot"].data.root_pos_w.torch.clone()
        position[:, 0] += torch.tensor([0.0, 0.4, 0.6, -0.6])
        put(env, position, [0.0, 0.0, 0.0, 1.0])
        idle(env, 1)
        command.hops[:] = 20.0
        assert end_now(env) == [True, True, False, False]


def test_who_stands_at_the_place_after_a_leap_jumped(open_env) -> None:
    with open_env("Gaitway-Jump-Go2", "mujoco_cpu", 4) as env, torch.inference_mode():
        env.reset()
        command = env.unwrapped.command_manager.get_term("jump")
        # `jumped`: at the place; 20 cm beside it; at the place, but no leap was long enough; at the place.
        position = command.place + torch.tensor([0.0, 0.0, 0.32])
        position[1, 1] += 0.2
        put(env, position, [0.0, 0.0, 0.0, 1.0])
        command.longest_leap[:] = torch.tensor([0.2, 0.2, 0.08, 0.1])
        assert end_now(env) == [True, False, False, True]
