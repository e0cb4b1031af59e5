"""Episodes in plain MuJoCo, on the robot's own simulated driver: one after the other, each as long as it lasts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gaitway_deploy.drivers.mujoco import MujocoRobot
from gaitway_deploy.policy import Policy

from .conditions import PUSH_EVERY, Conditions
from .schedule import Schedule
from .stage import Progress, play
from .traces import Snapshot, Traces

if TYPE_CHECKING:
    from gaitway_deploy.bundle import Bundle


class PlainStage:
    """One simulated robot, for one episode.

    Args:
        robot: The robot, configured.
        conditions: What it is to bear.
        seed: Of its sensor noise and of the directions of pushes.
    """

    def __init__(self, robot: MujocoRobot, conditions: Conditions, seed: Sequence[int]):
        contract = robot.contract
        self.robots = [robot]
        self._robot = robot
        self._conditions = conditions
        self._noise_seed = int(np.random.default_rng([*seed, 2]).integers(2**31))
        self._control_dt = contract.control_dt
        self._body = contract.task.success.body or contract.robot.base_link
        self._untouched = {
            body for failure in contract.task.failures if failure.kind == "contact" for body in failure.bodies
        }
        self._step = 0
        self._push_rng = np.random.default_rng([*seed, 1])
        self._push_steps = max(round(PUSH_EVERY / contract.control_dt), 1)

    def begin(self, schedule: Schedule) -> None:
        """Put the robot where the one episode of the schedule begins."""
        self._step = 0
        self._robot.reset(schedule.joint_pos[0], float(schedule.yaw[0]), seed=self._noise_seed)

    def ask(self, schedule: Schedule, step: int) -> None:
        """Nobody here looks at commands."""

    def advance(self) -> None:
        """Let a control period pass."""
        if self._conditions.push > 0.0 and self._step % self._push_steps == self._push_steps // 2:
            angle = self._push_rng.uniform(-np.pi, np.pi)
            speed = self._conditions.push
            self._robot.push([speed * np.cos(angle), speed * np.sin(angle), 0.0])
        self._step += 1
        self._robot.clock.sleep_until(self._step * self._control_dt)

    def snapshot(self) -> Snapshot:
        """The ground truth."""
        truth = self._robot.truth()
        body_pos, body_quat = truth.bodies[self._body]
        contact = max((force for body, force in truth.contacts.items() if body in self._untouched), default=0.0)
        return Snapshot(
            joint_pos=truth.joint_pos[None],
            joint_vel=truth.joint_vel[None],
            base_pos=truth.base_pos[None],
            quat=truth.base_quat[None],
            ang_vel=truth.ang_vel[None],
            lin_vel=truth.lin_vel[None],
            lin_vel_com=truth.lin_vel_com[None],
            body_pos=body_pos[None],
            body_quat=body_quat[None],
            contact=np.array([contact]),
            env_failed=np.zeros(1, dtype=bool),
            env_success=np.ones(1, dtype=bool),
        )


def run_plain(bundle: Bundle, schedule: Schedule, progress: Progress, *, safety: bool = True) -> Traces:
    """Run all episodes of a schedule with nominal conditions and sensors without noise.

    Args:
        bundle: The bundle.
        schedule: The episodes.
        progress: Told how far it is.
        safety: Whether the safety rules are on.
    """
    contract, steps = bundle.contract, schedule.num_steps
    traces = Traces.empty(
        "mujoco",
        control_dt=contract.control_dt,
        joints=len(contract.joint_names),
        observations=contract.obs_width,
        commands=schedule.commands,
    )
    conditions = Conditions(noise=0.0)
    robot, policy = configured(bundle, conditions), Policy(bundle)
    begin = time.monotonic()
    progress(0, steps)
    for episode in range(schedule.num_episodes):
        one = slice(episode, episode + 1)
        stage = PlainStage(robot, conditions, [episode])
        part = play(bundle, stage, schedule.part(one), engine="mujoco", policy=policy, safety=safety)
        traces.put(part, one)
        progress(steps * (episode + 1) // schedule.num_episodes, steps)
    traces.wall_s = time.monotonic() - begin
    return traces


def configured(bundle: Bundle, conditions: Conditions) -> MujocoRobot:
    """A simulated robot under some conditions."""
    robot = MujocoRobot(bundle)
    configure(robot, conditions)
    return robot


def configure(robot: MujocoRobot, conditions: Conditions) -> None:
    """Put a simulated robot under other conditions."""
    robot.configure(
        friction=conditions.friction,
        added_mass=conditions.added_mass,
        payload=conditions.payload,
        motor_strength=conditions.motor_strength,
        joint_friction=conditions.joint_friction,
        latency_s=conditions.latency,
        noise=conditions.noise,
    )
