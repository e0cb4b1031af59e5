"""A Franka that is led by hand: joint angles for places, and motions between them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pinocchio as pin
import torch

from gaitway.robots.franka import FRANKA_ASSET, HAND_TO_GRASP

OPEN, CLOSE = 1.0, -1.0


def joints_for(x: float, y: float, height: float) -> np.ndarray:
    """Joint angles that put the grasp at (x, y, height), the hand pointing down, its fingers along y."""
    model = pin.buildModelFromUrdf(str(FRANKA_ASSET.urdf_path))
    data, hand = model.createData(), model.getFrameId("panda_hand")
    goal = pin.SE3(pin.utils.rpyToMatrix(math.pi, 0.0, 0.0), np.array([x, y, height + HAND_TO_GRASP]))
    q = np.array([0.0, 0.15, 0.0, -2.4, 0.0, 2.55, 0.785, 0.04, 0.04])
    for _ in range(200):
        pin.framesForwardKinematics(model, data, q)
        error = pin.log6(data.oMf[hand].actInv(goal)).vector
        if np.linalg.norm(error) < 1e-6:
            return q[:7]
        jacobian = pin.computeFrameJacobian(model, data, q, hand, pin.LOCAL)[:, :7]
        q[:7] += jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + 1e-6 * np.eye(6), error)
    raise AssertionError("the arm does not get there")


def go(env: Any, start: np.ndarray, end: np.ndarray, gripper: float, seconds: float) -> torch.Tensor:
    """Move all arms from one pose to another in most of the time; then wait. Nothing may end an episode.

    Returns:
        Sum of the rewards. Shape is (num_envs,).
    """
    unwrapped = env.unwrapped
    term, robot = unwrapped.action_manager.get_term("arm_action"), unwrapped.scene["robot"].data
    steps, paid = round(seconds / unwrapped.step_dt), torch.zeros(unwrapped.num_envs, device=unwrapped.device)
    for i in range(steps):
        wanted = start + (end - start) * min((i + 1) / (0.8 * steps), 1.0)
        wanted = torch.tensor(wanted, dtype=torch.float32, device=unwrapped.device)
        arm = (wanted - robot.joint_pos.torch[:, :7]) / term._scale
        _, reward, terminated, _, _ = env.step(torch.cat([arm, torch.full_like(arm[:, :1], gripper)], dim=-1))
        assert not terminated.any()
        paid += reward
    return paid


def arms_that_obey(cfg: Any) -> None:
    """Arms that begin where they should and go where they are told; masses and frictions of objects still differ."""
    cfg.events.link_mass = cfg.events.motor_gains = cfg.events.joint_friction = None
    cfg.events.reset_joints.params["position_range"] = (0.0, 0.0)
    cfg.events.reset_object.params["pose_range"] = {}
    cfg.terminations.time_out = None
