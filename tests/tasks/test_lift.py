"""Lift: that the cube can be grasped and carried on every engine, and what ends an episode."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from isaaclab.utils.math import quat_apply_inverse, quat_inv, quat_mul

from gaitway.robots.franka import HAND_TO_GRASP
from gaitway.runs.interface import describe_interface
from gaitway.tasks.manipulation.lift.lift_env_cfg import CUBE

from .franka_script import CLOSE, OPEN, arms_that_obey, go, joints_for

TASK = "Gaitway-Lift-Franka"
NUM_ENVS = 6
ENGINES = ("mujoco_cpu", "newton_mjwarp", "ovphysx")
AT = 0.5
"""Where the cube is put, before the base. Unit: m."""


def in_hand(env: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Pose of the cube in the frame of the hand."""
    robot, cube = env.unwrapped.scene["robot"], env.unwrapped.scene["object"].data
    hand = robot.body_names.index("panda_hand")
    pos, quat = robot.data.body_pos_w.torch[:, hand], robot.data.body_quat_w.torch[:, hand]
    return (
        quat_apply_inverse(quat, cube.root_pos_w.torch - pos),
        quat_mul(quat_inv(quat), cube.root_quat_w.torch),
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_grasped_cube_is_lifted_and_does_not_slip(engine: str, open_env) -> None:
    default, above, at, up = (joints_for(AT, 0.0, height) for height in (0.15, 0.12, CUBE / 2, 0.25))
    with open_env(TASK, engine, NUM_ENVS, arms_that_obey) as env, torch.inference_mode():
        env.reset()
        cube, fingers = env.unwrapped.scene["object"].data, env.unwrapped.scene["robot"].data.joint_pos
        mass = env.unwrapped.scene["object"].data.body_mass.torch
        assert mass.min() < 0.095 < 0.105 < mass.max()
        go(env, default, above, OPEN, 0.8)
        go(env, above, at, OPEN, 0.6)
        assert cube.root_pos_w.torch[:, 2].sub(CUBE / 2).abs().max() < 1e-3
        go(env, at, at, CLOSE, 0.6)
        # The fingers stop at the cube; they do not press themselves into it.
        torch.testing.assert_close(
            fingers.torch[:, 7:], torch.full_like(fingers.torch[:, 7:], CUBE / 2), atol=1e-3, rtol=0.0
        )
        go(env, at, up, CLOSE, 1.0)
        height = cube.root_pos_w.torch[:, 2]
        torch.testing.assert_close(height, torch.full_like(height, 0.25), atol=0.01, rtol=0.0)
        position, rotation = in_hand(env)
        go(env, up, up, CLOSE, 1.5)
        later, turned = in_hand(env)
        assert (later - position).norm(dim=1).max() < 1e-3
        angle = 2.0 * quat_mul(quat_inv(rotation), turned)[:, :3].norm(dim=1).clamp(max=1.0).asin()
        assert angle.max() < 0.02
        go(env, up, up, OPEN, 0.8)
        assert cube.root_pos_w.torch[:, 2].max() < 0.06


# -- episodes -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def env(open_env):
    with open_env(TASK, "mujoco_cpu", NUM_ENVS) as made, torch.inference_mode():
        yield made


def test_cubes_begin_flat_on_the_ground_and_within_reach(env) -> None:
    unwrapped = env.unwrapped
    cube, ranges = unwrapped.scene["object"].data, unwrapped.cfg.events.reset_object.params["pose_range"]
    positions, yaws = [], []
    for _ in range(20):
        env.reset()
        positions.append((cube.root_pos_w.torch - unwrapped.scene.env_origins).clone())
        quat = cube.root_quat_w.torch
        assert quat[:, :2].abs().max() < 1e-6
        yaws.append(2.0 * torch.atan2(quat[:, 2], quat[:, 3]))
    position, yaw = torch.cat(positions), torch.cat(yaws)
    for i, axis in enumerate("xy"):
        low, high = (unwrapped.cfg.scene.object.init_state.pos[i] + x for x in ranges[axis])
        assert low <= position[:, i].min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < position[:, i].max() <= high
    torch.testing.assert_close(position[:, 2], torch.full_like(position[:, 2], CUBE / 2))
    assert yaw.abs().max() <= math.pi / 4 + 1e-6
    assert yaw.abs().max() > 0.6


def test_a_lost_cube_ends_the_episode_and_begins_the_next_on_the_ground(env) -> None:
    unwrapped = env.unwrapped
    env.reset()
    cube = unwrapped.scene["object"]
    pose = cube.data.root_link_pose_w.torch.clone()
    # Behind the base; too far to the side; deep below the ground; too high; in the air, in reach; untouched.
    moves = [[-0.6, 0.0, 0.05], [0.0, 0.8, 0.05], [0.0, 0.0, -1.0], [0.0, 0.0, 1.2], [0.0, 0.0, 0.3], [0.0] * 3]
    pose[:, :3] += torch.tensor(moves)
    cube.write_root_link_pose_to_sim_index(root_pose=pose)
    _, _, terminated, truncated, extras = env.step(torch.zeros(env.action_space.shape))
    assert terminated.tolist() == [True] * 4 + [False] * 2
    assert not truncated.any()
    assert not extras["success"].any()
    height = cube.data.root_pos_w.torch[:4, 2]
    torch.testing.assert_close(height, torch.full_like(height, CUBE / 2))


def test_the_sign_of_the_last_action_opens_and_closes_the_gripper(env) -> None:
    unwrapped = env.unwrapped
    env.reset()
    action = torch.zeros(env.action_space.shape)
    action[:, -1] = torch.tensor([1.0, 0.1, 0.0, -0.1, -1.0, -9.0])
    for _ in range(30):
        env.step(action)
    opening = unwrapped.scene["robot"].data.joint_pos.torch[:, 7:]
    expected = torch.tensor([0.04] * 3 + [0.0] * 3)[:, None].expand(-1, 2)
    torch.testing.assert_close(opening, expected, atol=1e-3, rtol=0.0)


def test_an_episode_begins_above_the_cubes_with_the_hand_down(env) -> None:
    """Fingers along y, 15 cm above the ground, half a metre before the base; and no action leaves it there."""
    unwrapped = env.unwrapped
    env.reset()
    robot = unwrapped.scene["robot"]
    robot.write_joint_position_to_sim_index(position=robot.data.default_joint_pos.torch.clone())
    robot.write_joint_velocity_to_sim_index(velocity=torch.zeros_like(robot.data.joint_vel.torch))
    hold = torch.zeros(env.action_space.shape)
    for _ in range(30):
        env.step(hold)
    hand = robot.body_names.index("panda_hand")
    pose = robot.data.body_link_pose_w.torch[:, hand]
    place = (pose[:, :3] - unwrapped.scene.env_origins).cpu()
    expected = torch.tensor([AT, 0.0, 0.15 + HAND_TO_GRASP]).expand(NUM_ENVS, 3)
    torch.testing.assert_close(place, expected, atol=0.01, rtol=0.0)
    # Half a turn about x, but for a degree or two.
    assert (pose[:, 3].abs() > 0.999).all()


def test_targets_count_from_where_the_joints_are(env) -> None:
    """In each step anew: 1 sets a target of 0.12 rad ahead of joint 1, and -1 one of 0.45 rad behind joint 7."""
    unwrapped = env.unwrapped
    env.reset()
    data, action = unwrapped.scene["robot"].data, torch.zeros(env.action_space.shape)
    action[:, 0], action[:, 6] = 1.0, -1.0
    ahead = torch.tensor([0.12, 0.0, 0.0, 0.0, 0.0, 0.0, -0.45]).expand(NUM_ENVS, 7)
    term = unwrapped.action_manager.get_term("arm_action")
    for _ in range(10):
        before = data.joint_pos.torch[:, :7].clone()
        env.step(action)
        torch.testing.assert_close(term.processed_actions, before + ahead, atol=1e-5, rtol=0.0)
    # About 1.4 rad/s of the 2.175 that joint 1 may do.
    assert 1.0 < data.joint_vel.torch[:, 0].max() < 1.9


def test_a_robot_is_told_what_the_grippers_action_means(env) -> None:
    arm, gripper = describe_interface(env.unwrapped)["actions"]
    assert (arm["size"], len(arm["scale"]), len(arm["offset"])) == (7, 7, 7)
    assert gripper == {
        "name": "gripper_action",
        "type": "BinaryJointPositionAction",
        "size": 1,
        "joint_names": ["panda_finger_joint1", "panda_finger_joint2"],
        "open": pytest.approx([0.04, 0.04]),
        "close": [0.0, 0.0],
    }
