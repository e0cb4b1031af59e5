"""Drawer: that a grasped handle is pulled on every engine, wherever the cabinet stands, and how episodes begin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pinocchio as pin
import pytest
import torch

from gaitway.robots.cabinet import CABINET_ASSET, HANDLE_BEFORE_FRONT, HANDLE_HEIGHT, HANDLE_SIZE, TRAVEL
from gaitway.robots.franka import FRANKA_ASSET, HAND_TO_GRASP
from gaitway.tasks.manipulation.drawer.drawer_env_cfg import OPEN as OPEN_ENOUGH

TASK = "Gaitway-Drawer-Franka"
NUM_ENVS = 4
ENGINES = ("mujoco_cpu", "newton_mjwarp", "ovphysx")
OPEN, CLOSE = 1.0, -1.0
AT = np.array([0.79 - HANDLE_BEFORE_FRONT, 0.08, HANDLE_HEIGHT["upper"]])
"""Where the script finds the handle: the cabinet is moved by 4 cm along x and 8 along y. Unit: m."""


def joints_for(x: float, start: np.ndarray) -> np.ndarray:
    """Joint angles that put the grasp at the handle's y and z, the hand level but for 0.15 rad, its fingers upright."""
    model = pin.buildModelFromUrdf(str(FRANKA_ASSET.urdf_path))
    data, hand = model.createData(), model.getFrameId("panda_hand")
    axes = pin.utils.rpyToMatrix(0.0, 0.15, 0.0) @ np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    goal = pin.SE3(axes, np.array([x, *AT[1:]]) - HAND_TO_GRASP * axes[:, 2])
    q = np.array([*start, 0.04, 0.04])
    for _ in range(300):
        pin.framesForwardKinematics(model, data, q)
        error = pin.log6(data.oMf[hand].actInv(goal)).vector
        if np.linalg.norm(error) < 1e-6:
            return q[:7]
        jacobian = pin.computeFrameJacobian(model, data, q, hand, pin.LOCAL)[:, :7]
        q[:7] += np.clip(jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + 1e-4 * np.eye(6), error), -0.2, 0.2)
        q[:7] = np.clip(q[:7], model.lowerPositionLimit[:7], model.upperPositionLimit[:7])
    raise AssertionError("the arm does not get there")


def go(env: Any, start: np.ndarray, end: np.ndarray, gripper: float, seconds: float) -> None:
    """Move all arms from one pose to another in most of the time; then wait."""
    unwrapped = env.unwrapped
    default = unwrapped.scene["robot"].data.default_joint_pos.torch[0, :7].numpy()
    steps = round(seconds / unwrapped.step_dt)
    for i in range(steps):
        q = start + (end - start) * min((i + 1) / (0.8 * steps), 1.0)
        action = torch.tensor([*(q - default) / 0.5, gripper], dtype=torch.float32, device=unwrapped.device)
        _, _, terminated, _, _ = env.step(action.repeat(NUM_ENVS, 1))
        assert not terminated.any()


def easy_drawers(cfg: Any) -> None:
    """A cabinet where the script looks for it, fingers that do not slip, arms that go where they are told."""
    cfg.events.link_mass = cfg.events.motor_gains = cfg.events.joint_friction = None
    cfg.events.reset_joints.params["position_range"] = (0.0, 0.0)
    cfg.events.reset_cabinet.params["pose_range"] = {"x": (0.04, 0.04), "y": (0.08, 0.08)}
    cfg.events.drawer_friction.params["friction_distribution_params"] = (1.0, 2.0)
    for term in (cfg.events.robot_friction, cfg.events.handle_friction):
        term.params["static_friction_range"] = term.params["dynamic_friction_range"] = (1.0, 1.3)
    cfg.terminations.time_out = None


@pytest.mark.parametrize("engine", ENGINES)
def test_a_grasped_handle_opens_the_drawer_and_shuts_it(engine: str, open_env) -> None:
    with open_env(TASK, engine, NUM_ENVS, easy_drawers) as env, torch.inference_mode():
        env.reset()
        robot, cabinet = (env.unwrapped.scene[name].data for name in ("robot", "cabinet"))
        handle = cabinet.body_pos_w.torch[:, 1] - env.unwrapped.scene.env_origins
        torch.testing.assert_close(handle, torch.tensor(AT).float().expand_as(handle), atol=1e-4, rtol=0.0)
        default = robot.default_joint_pos.torch[0, :7].numpy()
        before, at, out = (joints_for(x, default) for x in (AT[0] - 0.12, AT[0], AT[0] - 0.24))
        go(env, default, before, OPEN, 0.8)
        go(env, before, at, OPEN, 0.8)
        assert cabinet.joint_pos.torch.abs().max() < 1e-3
        go(env, at, at, CLOSE, 0.6)
        # The fingers stop at the bar; they do not press themselves into it.
        fingers = robot.joint_pos.torch[:, 7:]
        torch.testing.assert_close(fingers, torch.full_like(fingers, HANDLE_SIZE[2] / 2), atol=2.5e-3, rtol=0.0)
        go(env, at, out, CLOSE, 1.5)
        upper, lower = cabinet.joint_pos.torch.unbind(dim=1)
        assert upper.min() > OPEN_ENOUGH
        assert upper.max() < TRAVEL + 1e-3
        assert lower.abs().max() < 1e-3
        # The handle goes with its drawer, and stays where it is left.
        handle = cabinet.body_pos_w.torch[:, 1, 0] - env.unwrapped.scene.env_origins[:, 0]
        torch.testing.assert_close(handle, float(AT[0]) - upper, atol=1e-3, rtol=0.0)
        go(env, out, at, CLOSE, 1.5)
        assert cabinet.joint_pos.torch[:, 0].max() < 0.02


@pytest.fixture(scope="module")
def env(open_env):
    with open_env(TASK, "mujoco_cpu", NUM_ENVS) as made, torch.inference_mode():
        yield made


def test_episodes_begin_with_drawers_shut_and_cabinets_that_stand_apart(env) -> None:
    cabinet, origins = env.unwrapped.scene["cabinet"].data, env.unwrapped.scene.env_origins
    places, turns = [], []
    for _ in range(15):
        cabinet.joint_pos.torch[:] = 0.2
        env.reset()
        assert cabinet.joint_pos.torch.abs().max() < 1e-6
        places.append((cabinet.root_pos_w.torch - origins).clone())
        turns.append(2.0 * torch.asin(cabinet.root_quat_w.torch[:, 2]))
    place, turn = torch.cat(places), torch.cat(turns)
    for values, middle, reach in ((place[:, 0], 0.75, 0.05), (place[:, 1], 0.0, 0.1), (turn, 0.0, 0.15)):
        assert middle - reach - 1e-6 <= values.min() < middle - 0.7 * reach
        assert middle + 0.7 * reach < values.max() <= middle + reach + 1e-6
    assert place[:, 2].abs().max() == 0.0


def test_a_drawer_that_is_open_enough_at_the_end_is_a_success(env) -> None:
    unwrapped = env.unwrapped
    env.reset()
    opened = torch.tensor([[0.21, 0.0], [0.19, 0.0], [0.0, 0.25], [0.25, 0.0]])
    unwrapped.scene["cabinet"].write_joint_position_to_sim_index(position=opened)
    unwrapped.episode_length_buf[:] = unwrapped.max_episode_length - 1
    _, _, terminated, truncated, extras = env.step(torch.zeros(env.action_space.shape))
    assert truncated.all()
    assert not terminated.any()
    assert extras["success"].tolist() == [True, False, False, True]


def test_the_numbers_are_those_of_the_description() -> None:
    root = CABINET_ASSET.load().getroot()
    joints = {joint.get("name"): joint for joint in root.findall("joint")}
    for drawer, height in HANDLE_HEIGHT.items():
        joint = joints[f"{drawer}_drawer_joint"]
        assert float(joint.find("limit").get("upper")) == TRAVEL
        assert [float(x) for x in joint.find("origin").get("xyz").split()] == [-HANDLE_BEFORE_FRONT, 0.0, height]
        bar = root.find(f"link[@name='{drawer}_drawer']/collision/geometry/box")
        assert tuple(float(x) for x in bar.get("size").split()) == HANDLE_SIZE
