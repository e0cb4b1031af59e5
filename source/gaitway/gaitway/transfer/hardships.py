"""Conditions on Isaac Lab's engines: a robot of its own for each of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from . import rotations
from .conditions import PUSH_EVERY, Conditions
from .traces import Snapshot

if TYPE_CHECKING:
    from gaitway_deploy.contract import Contract


class Hardships:
    """What each robot of an environment is to bear.

    Args:
        env: The environment, not wrapped.
        contract: Of the bundle.
        joints: Where the contract's joints are among the robot's.
        conditions: One a robot.
        seeds: Of the noise and pushes of each.
    """

    def __init__(
        self,
        env: Any,
        contract: Contract,
        joints: Sequence[int],
        conditions: Sequence[Conditions],
        seeds: Sequence[Sequence[int]],
    ):
        self._env, self._contract, self._joints = env, contract, list(joints)
        self._robot = env.scene["robot"]
        self._nominal_mass = _column(self._robot.data.body_mass.torch, self._base())
        self._noises = {
            term.kind: (term.noise.low, term.noise.high) for term in contract.observations if term.noise is not None
        }
        self._push_steps = max(round(PUSH_EVERY / contract.control_dt), 1)
        self.change(conditions, seeds)

    def change(self, conditions: Sequence[Conditions], seeds: Sequence[Sequence[int]]) -> None:
        """Take other conditions, for other episodes, from the next :meth:`begin` on."""
        delays = np.array([item.latency for item in conditions]) / self._contract.timing.physics_dt
        self._delay = np.rint(delays).astype(int)
        self._noise = np.array([item.noise for item in conditions])[:, None]
        self._push = np.array([item.push for item in conditions])
        self._rngs = [np.random.default_rng([*seed, 2]) for seed in seeds]
        self._push_rngs = [np.random.default_rng([*seed, 1]) for seed in seeds]
        self._past: deque[np.ndarray] = deque(maxlen=int(self._delay.max()) + 1)
        self._conditions = conditions

    def begin(self) -> None:
        """Make the robots what they are to be."""
        robot, contract, device = self._robot, self._contract, self._env.device
        strength = np.array([item.motor_strength for item in self._conditions])[:, None]
        for write, values in (
            (robot.write_joint_stiffness_to_sim_index, {"stiffness": strength * contract.stiffness}),
            (robot.write_joint_damping_to_sim_index, {"damping": strength * contract.damping}),
            (robot.write_joint_effort_limit_to_sim_index, {"limits": strength * _finite(contract.effort_limit)}),
        ):
            tensors = {
                name: torch.as_tensor(value, dtype=torch.float32, device=device) for name, value in values.items()
            }
            write(**tensors, joint_ids=self._joints)
        added = torch.tensor([[item.added_mass] for item in self._conditions], dtype=torch.float32, device=device)
        masses = (self._nominal_mass + added).to(self._robot.data.body_mass.torch.device)
        robot.set_masses_index(masses=masses, body_ids=[self._base()])
        rest = np.tile(contract.default_pos, (len(self._conditions), 1))
        self._past.extend([rest] * (self._past.maxlen or 1))

    def sensed(self, truth: Snapshot) -> Snapshot:
        """What the sensors say of the truth."""
        if not self._noise.any():
            return truth
        joints = truth.joint_pos.shape[1]
        return Snapshot(
            **{
                **vars(truth),
                "joint_pos": truth.joint_pos + self._draw("joint_pos", joints),
                "joint_vel": truth.joint_vel + self._draw("joint_vel", joints),
                "lin_vel": truth.lin_vel + self._draw("base_lin_vel", 3),
                "ang_vel": truth.ang_vel + self._draw("base_ang_vel", 3),
                "quat": _turned(truth.quat, self._draw("projected_gravity", 3)),
            }
        )

    def late(self, targets: np.ndarray) -> np.ndarray:
        """Targets as they arrive in this physics step. Shapes are (robots, joints)."""
        self._past.append(targets.copy())
        rows = len(self._past) - 1 - self._delay
        return np.stack(self._past)[rows, np.arange(len(targets))]

    def push(self, step: int) -> None:
        """Change the velocities of those that are pushed in a control step."""
        if not self._push.any() or step % self._push_steps != self._push_steps // 2:
            return
        angle = np.array([rng.uniform(-np.pi, np.pi) for rng in self._push_rngs])
        change = self._push[:, None] * np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1)
        velocity = self._robot.data.root_vel_w.torch.clone()
        velocity[:, :3] += torch.as_tensor(change, dtype=torch.float32, device=self._env.device)
        self._robot.write_root_velocity_to_sim_index(root_velocity=velocity)

    def _base(self) -> int:
        return self._robot.body_names.index(self._contract.robot.base_link)

    def _draw(self, kind: str, width: int) -> np.ndarray:
        low, high = self._noises.get(kind, (0.0, 0.0))
        return self._noise * np.array([rng.uniform(low, high, width) for rng in self._rngs])


def _column(values: torch.Tensor, at: int) -> torch.Tensor:
    return values[:, at : at + 1].clone()


def _finite(limit: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(limit), limit, 1e9)


def _turned(quat: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Turn orientations by small rotation vectors in the base frame."""
    turned = rotations.multiply(quat, np.concatenate([0.5 * by, np.ones((len(by), 1))], axis=1))
    return turned / np.linalg.norm(turned, axis=1, keepdims=True)
