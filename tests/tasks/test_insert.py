"""Insert: that contacts are honest. An aligned peg goes in, one that is off does not, and none goes into a wall."""

from __future__ import annotations

from typing import Any

import numpy as np
import pinocchio as pin
import pytest
import torch
from isaaclab.utils.math import matrix_from_quat, quat_apply, quat_apply_inverse, quat_inv, quat_mul

from gaitway.robots.franka import FRANKA_ASSET
from gaitway.robots.insertion import CLEARANCE, HAND_TO_TIP, HOLE_DEPTH, PEG
from gaitway.tasks.manipulation.insert.insert_env_cfg import DEEP

LOOSE, TIGHT = "Gaitway-Insert-Franka", "Gaitway-Insert-Tight-Franka"
NUM_ENVS = 4
SUNK = 3e-4
"""How far a peg may be in the wall that it is pushed against, while it is pushed. Unit: m."""


class Script:
    """Leads the ends of the pegs by differential inverse kinematics, through the actions that policies have."""

    def __init__(self, env: Any, clearance: float):
        self.env, self.clearance = env, clearance
        self.robot, self.socket = (env.unwrapped.scene[name] for name in ("robot", "socket"))
        self.peg, self.mouth = self.robot.body_names.index("peg"), self.socket.body_names.index("socket")
        self.model = pin.buildModelFromUrdf(str(FRANKA_ASSET.urdf_path))
        self.data, self.hand = self.model.createData(), self.model.getFrameId("panda_hand")
        self.scale = env.unwrapped.action_manager.get_term("arm_action")._scale[0].cpu()

    def pose(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Of the pegs' ends in the sockets' frames."""
        place, turn = (
            self.socket.data.body_pos_w.torch[:, self.mouth],
            self.socket.data.body_quat_w.torch[:, self.mouth],
        )
        peg = self.robot.data.body_pos_w.torch[:, self.peg], self.robot.data.body_quat_w.torch[:, self.peg]
        return quat_apply_inverse(turn, peg[0] - place), quat_mul(quat_inv(turn), peg[1])

    def in_the_wall(self) -> torch.Tensor:
        """How far the edges of each peg are in the walls of its hole, at its end and at the mouth. Unit: m.

        One that stands on a wall is in it as deep as it has sunk.
        """
        position, quat = self.pose()
        axes = matrix_from_quat(quat)
        deepest = torch.full((NUM_ENVS,), -1.0)
        for i in (-0.5, 0.5):
            for j in (-0.5, 0.5):
                end = position + PEG * (i * axes[..., 0] + j * axes[..., 1])
                at_mouth = end - axes[..., 2] * (end[:, 2] / axes[:, 2, 2])[:, None]
                for corner in (end, at_mouth):
                    deepest = torch.maximum(deepest, corner[:, :2].abs().amax(dim=-1) - 0.5 * (PEG + self.clearance))
        return torch.minimum(deepest, -position[:, 2])

    def steer(self, goal: torch.Tensor, fastest: float) -> torch.Tensor:
        """Actions that lead the ends towards a goal in the sockets' frames, aligned, with targets no further ahead."""
        position, quat = self.pose()
        turn = self.socket.data.body_quat_w.torch[:, self.mouth]
        # An aligned peg is turned by half a turn about x.
        off = quat_mul(quat, quat_inv(torch.tensor([1.0, 0.0, 0.0, 0.0]).expand_as(quat)))
        off = 2.0 * off[:, :3] * off[:, 3:].sign()
        move, rotate = 0.6 * quat_apply(turn, goal - position), -0.6 * quat_apply(turn, off)
        move = move.clamp(-fastest, fastest)
        actions = []
        for q, v, w in zip(self.robot.data.joint_pos.torch.numpy(), move.numpy(), rotate.numpy(), strict=True):
            pin.computeJointJacobians(self.model, self.data, q.astype(float))
            pin.framesForwardKinematics(self.model, self.data, q.astype(float))
            jacobian = pin.getFrameJacobian(self.model, self.data, self.hand, pin.LOCAL_WORLD_ALIGNED)[:, :7]
            reach = self.data.oMf[self.hand].rotation[:, 2] * HAND_TO_TIP
            jacobian = np.vstack([jacobian[:3] - np.cross(reach, jacobian[3:].T).T, jacobian[3:]])
            wanted = np.r_[v, w].astype(float)
            actions.append(jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + 1e-6 * np.eye(6), wanted))
        return (torch.tensor(np.array(actions), dtype=torch.float32) / self.scale).clamp(-1.0, 1.0)

    def go(self, goal: torch.Tensor, steps: int, fastest: float) -> torch.Tensor:
        """Lead the ends to a goal; return how far each was in a wall meanwhile. Unit: m."""
        worst = torch.full((NUM_ENVS,), -1.0)
        for _ in range(steps):
            _, _, terminated, _, _ = self.env.step(self.steer(goal, fastest))
            assert not terminated.any()
            worst = torch.maximum(worst, self.in_the_wall())
        return worst


def arms_that_go_where_they_are_told(cfg: Any) -> None:
    """No randomisation but of friction; a socket that is moved and turned."""
    cfg.events.link_mass = cfg.events.motor_gains = cfg.events.joint_friction = None
    cfg.events.reset_joints.params["position_range"] = (0.0, 0.0)
    cfg.events.reset_socket.params["pose_range"] = {"x": (0.02, 0.02), "y": (-0.01, -0.01), "yaw": (0.1, 0.1)}
    cfg.terminations.time_out = None


@pytest.mark.parametrize(
    ("task", "engine"),
    [(LOOSE, "mujoco_cpu"), (TIGHT, "mujoco_cpu"), (LOOSE, "newton_mjwarp"), (LOOSE, "ovphysx")],
)
def test_only_a_peg_that_is_aligned_goes_in(task: str, engine: str, open_env) -> None:
    clearance = CLEARANCE["loose" if task == LOOSE else "tight"]
    with open_env(task, engine, NUM_ENVS, arms_that_go_where_they_are_told) as env, torch.inference_mode():
        env.reset()
        script = Script(env, clearance)
        # In the middle; off by less than there is room; by half as much again as the clearance; far off.
        off = torch.tensor([[0.0, 0.0], [0.3 * clearance, 0.0], [0.0, 1.5 * clearance], [-0.008, 0.0]])
        goal = torch.cat([off, torch.full((NUM_ENVS, 1), 0.003)], dim=-1)
        script.go(goal, 100, 0.01)
        torch.testing.assert_close(script.pose()[0], goal, atol=0.1 * clearance, rtol=0.0)
        goal[:, 2] = -HOLE_DEPTH
        worst = script.go(goal, 80, 0.002)
        depth = -script.pose()[0][:, 2]
        assert (depth > DEEP).tolist() == [True, True, False, False]
        assert depth.max() - HOLE_DEPTH < 0.2 * clearance
        assert worst.max() < 0.2 * clearance
        success = env.unwrapped.curriculum_manager._term_cfgs[0].params
        assert success["judge"](env.unwrapped, **success["params"]).tolist() == [True, True, False, False]
        # At the bottom of the hole, pushed sideways until it rests, with all that an action can. When it hits the wall
        # it is in it deeper for a step or two.
        for side in ([0.03, 0.0, -HOLE_DEPTH], [0.0, -0.03, -HOLE_DEPTH]):
            worst = script.go(torch.tensor(side).expand(NUM_ENVS, 3), 20, 0.04)
            assert worst[:2].max() < SUNK
            assert script.in_the_wall()[:2].max() < 0.25 * clearance
            assert (-script.pose()[0][:2, 2] > DEEP).all()
