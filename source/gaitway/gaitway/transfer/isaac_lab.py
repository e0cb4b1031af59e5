"""Robots in the task's own environment on one of Isaac Lab's engines, as drivers for the robot's runtime.

The environment's managers stand still: nobody but the runtime acts, and nothing is reset. Its scene, its robot and its
engine are used as they are in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from gaitway.errors import UsageError
from gaitway_deploy.contract import Contract
from gaitway_deploy.state import JointCommand, RobotState

from .conditions import Conditions
from .hardships import Hardships
from .schedule import Schedule
from .traces import Snapshot


@contextmanager
def open_environment(contract: Contract, physics: str, num_envs: int, *, by_substep: bool = False) -> Iterator[Any]:
    """Start an engine with the environment that a bundle was trained for, without randomisation.

    Args:
        contract: Of the bundle.
        physics: The engine, as in ``physics=NAME``.
        num_envs: How many robots.
        by_substep: Whether something is to be done between the physics steps of a control step.

    Yields:
        The environment, not wrapped.

    Raises:
        UsageError: There is no such task here, or it does not run on this engine.
    """
    import gymnasium as gym
    from isaaclab.app import launch_simulation
    from isaaclab_tasks.utils import resolve_task_config

    from gaitway.tasks import find_task

    task_id = f"{find_task(contract.made_by.task).id}-Play"
    try:
        env_cfg, _ = resolve_task_config(task_id, None, overrides=[f"physics={physics}"])
    except ValueError as error:
        raise UsageError(f"{task_id} does not run with physics={physics}: {' '.join(str(error).split())}") from None
    solver_cfg: Any = getattr(env_cfg.sim.physics, "solver_cfg", None)
    if by_substep and hasattr(solver_cfg, "whole_env_step"):
        solver_cfg.whole_env_step = False
    env_cfg.scene.num_envs = num_envs
    env_cfg.seed = 0
    env_cfg.sim.device = "cuda:0" if torch.cuda.is_available() else "cpu"
    with launch_simulation(env_cfg, {"visualizer": ["none"], "device": env_cfg.sim.device}):
        env = gym.make(task_id, cfg=env_cfg)
        try:
            yield env.unwrapped
        finally:
            env.close()


class IsaacLabStage:
    """All robots of an environment, which move together.

    Args:
        env: An environment with as many robots as there will be episodes, not wrapped.
        contract: Of the bundle.

    Raises:
        UsageError: The environment's robot is not the contract's.
    """

    def __init__(self, env: Any, contract: Contract):
        self._env = env
        self._contract = contract
        self._robot = env.scene["robot"]
        self._joints = _joints_of(contract, self._robot)
        _check_same(contract, env, self._robot, self._joints)
        goal = contract.task.success.body
        self._body = self._robot.body_names.index(goal) if goal in self._robot.body_names else 0
        if goal is not None and goal not in self._robot.body_names:
            raise UsageError(f"{contract.made_by.task}: its robot has no link '{goal}'. {EXPORT_ANEW}")
        self._contacts = list(_contact_sensors(contract, env))
        self._external = _external_terms(contract, env)
        self._time = 0.0
        self._state: Snapshot | None = None
        self._extra: dict[str, np.ndarray] = {}
        self._targets = np.tile(contract.default_pos, (env.num_envs, 1))
        self._step = 0
        self._hardships: Hardships | None = None
        self._sensed: Snapshot | None = None
        self.robots = [EnvRobot(self, index) for index in range(env.num_envs)]

    def bear(self, conditions: Sequence[Conditions], seeds: Sequence[Sequence[int]]) -> None:
        """Have the robots bear conditions from the next :meth:`begin` on.

        Args:
            conditions: One a robot.
            seeds: Of the noise and pushes of each.
        """
        if self._hardships is None:
            self._hardships = Hardships(self._env, self._contract, self._joints, conditions, seeds)
        else:
            self._hardships.change(conditions, seeds)

    # -- as a clock ---------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Simulated time. Unit: s."""
        return self._time

    def sleep_until(self, time: float) -> None:
        """Return at once: all robots move in :meth:`advance`, and at no other time."""

    # -- all robots ---------------------------------------------------------------------------------------------------

    def begin(self, schedule: Schedule) -> None:
        """Put every robot where its episode begins, at rest."""
        env, robot, num_envs = self._env, self._robot, self._env.num_envs
        env.reset()
        joint_pos = self._tensor(schedule.joint_pos)
        robot.write_joint_position_to_sim_index(position=joint_pos, joint_ids=self._joints)
        robot.write_joint_velocity_to_sim_index(velocity=torch.zeros_like(joint_pos), joint_ids=self._joints)
        if self._contract.robot.floating_base:
            pose = robot.data.default_root_pose.torch.clone()
            pose[:, :3] = env.scene.env_origins + self._tensor(np.array(self._contract.robot.initial_base_pos))
            half = self._tensor(schedule.yaw) / 2
            pose[:, 3:] = 0.0
            pose[:, 5], pose[:, 6] = torch.sin(half), torch.cos(half)
            robot.write_root_pose_to_sim_index(root_pose=pose)
            robot.write_root_velocity_to_sim_index(root_velocity=torch.zeros(num_envs, 6, device=env.device))
        if self._hardships is not None:
            self._hardships.begin()
        self._targets[:] = self._contract.default_pos
        self.ask(schedule, 0)
        env.scene.write_data_to_sim()
        env.sim.forward()
        self._time, self._step = 0.0, 0
        self._look()

    def ask(self, schedule: Schedule, step: int) -> None:
        """Let the environment know the commands, for those of its terms that look at them."""
        for name, values in schedule.commands.items():
            self._env.command_manager.get_term(name).command[:] = self._tensor(values[:, step])

    def advance(self) -> None:
        """Let a control period pass."""
        env, hardships = self._env, self._hardships
        per_call = env.cfg.decimation if env._physics_handles_decimation else 1
        if hardships is not None:
            hardships.push(self._step)
        for _ in range(env.cfg.decimation // per_call):
            targets = self._targets if hardships is None else hardships.late(self._targets)
            self._robot.set_joint_position_target_index(target=self._tensor(targets), joint_ids=self._joints)
            env.scene.write_data_to_sim()
            env.sim.step(render=False)
            env.scene.update(dt=env.physics_dt * per_call)
        self._step += 1
        self._time = self._step * self._contract.control_dt
        self._look()

    def snapshot(self) -> Snapshot:
        """The ground truth."""
        assert self._state is not None, "begin() comes first"
        return self._state

    # -- one robot ----------------------------------------------------------------------------------------------------

    def state_of(self, index: int) -> RobotState:
        """What a robot's sensors say: the truth, unless it bears noise."""
        state = self._sensed
        assert state is not None, "begin() comes first"
        return RobotState(
            time=self._time,
            joint_names=self._contract.joint_names,
            joint_pos=state.joint_pos[index],
            joint_vel=state.joint_vel[index],
            quat=state.quat[index],
            ang_vel=state.ang_vel[index],
            lin_vel=state.lin_vel[index],
            extra={name: values[index] for name, values in self._extra.items()},
        )

    def aim(self, index: int, position: np.ndarray) -> None:
        """Set the joint targets of a robot for the next control period. Shape is (joints,), the contract's order."""
        self._targets[index] = position

    # -- inside -------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Read everything once for all robots."""
        env, data = self._env, self._robot.data
        body_pos = _numpy(data.body_pos_w.torch[:, self._body] - env.scene.env_origins)
        contact = np.zeros(env.num_envs)
        for sensor, bodies in self._contacts:
            force = torch.linalg.norm(sensor.data.net_normal_forces_w.torch[:, bodies], dim=-1)
            contact = np.maximum(contact, _numpy(force.max(dim=1).values))
        self._state = Snapshot(
            joint_pos=_numpy(data.joint_pos.torch)[:, self._joints],
            joint_vel=_numpy(data.joint_vel.torch)[:, self._joints],
            base_pos=_numpy(data.root_pos_w.torch - env.scene.env_origins),
            quat=_numpy(data.root_quat_w.torch),
            ang_vel=_numpy(data.root_ang_vel_b.torch),
            lin_vel=_numpy(data.root_link_lin_vel_b.torch),
            lin_vel_com=_numpy(data.root_com_lin_vel_b.torch),
            body_pos=body_pos,
            body_quat=_numpy(data.body_quat_w.torch[:, self._body]),
            contact=contact,
            env_failed=self._env_failed(),
            env_success=self._env_success(),
        )
        self._sensed = self._state if self._hardships is None else self._hardships.sensed(self._state)
        self._extra = {name: _numpy(cfg.func(env, **cfg.params)) for name, cfg in self._external.items()}

    def _env_failed(self) -> np.ndarray:
        """Whether a termination of the environment that the contract calls ``other`` holds."""
        failed = np.zeros(self._env.num_envs, dtype=bool)
        if any(failure.kind == "other" for failure in self._contract.task.failures):
            manager = self._env.termination_manager
            for name in manager.active_terms:
                cfg = manager.get_term_cfg(name)
                if not cfg.time_out and getattr(cfg.func, "__name__", "") not in EXPRESSED:
                    failed |= cfg.func(self._env, **cfg.params).cpu().numpy()
        return failed

    def _env_success(self) -> np.ndarray:
        """What the task's own judge says of a success that the contract calls ``other``."""
        if self._contract.task.success.kind != "other":
            return np.ones(self._env.num_envs, dtype=bool)
        params = self._env.cfg.curriculum.success.params
        return params["judge"](self._env, **params["params"]).cpu().numpy()

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=self._env.device)


class EnvRobot:
    """Driver of one robot among many that move together."""

    def __init__(self, stage: IsaacLabStage, index: int):
        self.clock = stage
        self._stage = stage
        self._index = index

    def read(self) -> RobotState:
        """The newest state."""
        return self._stage.state_of(self._index)

    def write(self, command: JointCommand) -> None:
        """Tell the motors, whose gains are the contract's, where to go.

        A robot that is to damp has ended its episode, and nobody looks at what it does then.
        """
        if command.mode != "damping":
            self._stage.aim(self._index, command.position)


EXPRESSED = ("illegal_contact", "bad_orientation", "physics_broken")
"""Terminations that a contract has words for, or that the judge sees by itself."""
EXPORT_ANEW = "The task has changed since; export the run anew."


def _numpy(values: torch.Tensor) -> np.ndarray:
    return values.detach().cpu().numpy().astype(np.float64)


def _joints_of(contract: Contract, robot: Any) -> list[int]:
    missing = set(contract.joint_names) - set(robot.joint_names)
    if missing:
        raise UsageError(f"{contract.made_by.task}: its robot has no joint {min(missing)}. {EXPORT_ANEW}")
    return [robot.joint_names.index(name) for name in contract.joint_names]


def _check_same(contract: Contract, env: Any, robot: Any, joints: list[int]) -> None:
    """Refuse a task that has changed since the bundle was made: what it would show is not the bundle's."""
    task, timing = contract.made_by.task, contract.timing
    rates = {"control_dt": (timing.control_dt, env.step_dt), "physics_dt": (timing.physics_dt, env.physics_dt)}
    for name, (period, here) in rates.items():
        if abs(period - here) > 1e-6:
            raise UsageError(f"{task}: {name} is {here:g} s, the contract says {period:g}. {EXPORT_ANEW}")
    data = robot.data
    implicit = np.array([joint.actuator.model == "implicit_pd" for joint in contract.robot.joints])
    values = {
        "default position": (contract.default_pos, data.default_joint_pos, np.full(len(joints), True)),
        "stiffness": (contract.stiffness, data.joint_stiffness, implicit),
        "damping": (contract.damping, data.joint_damping, implicit),
        "armature": (contract.armature, data.joint_armature, np.full(len(joints), True)),
    }
    for name, (said, found, looked_at) in values.items():
        have = _numpy(found.torch[0])[joints]
        wrong = looked_at & (np.abs(said - have) > 1e-4 + 1e-3 * np.abs(said))
        if wrong.any():
            i = int(wrong.argmax())
            raise UsageError(
                f"{task}: {name} of {contract.joint_names[i]} is {have[i]:g}, the contract says "
                f"{said[i]:g}. {EXPORT_ANEW}"
            )


def _contact_sensors(contract: Contract, env: Any) -> Iterator[tuple[Any, list[int]]]:
    """Sensors that see the links that must touch nothing, and which of their bodies these are."""
    wanted = {body for failure in contract.task.failures if failure.kind == "contact" for body in failure.bodies}
    for sensor in env.scene.sensors.values():
        names = list(getattr(sensor, "body_names", None) or [])
        if hasattr(sensor.cfg, "track_air_time") and wanted & set(names):
            yield sensor, [names.index(name) for name in sorted(wanted & set(names))]
            wanted -= set(names)
    if wanted:
        raise UsageError(f"{contract.made_by.task}: no sensor feels the contacts of {min(wanted)}. {EXPORT_ANEW}")


def _external_terms(contract: Contract, env: Any) -> dict[str, Any]:
    """Configs of the observation terms that only the environment can give, by name."""
    names = [term.name for term in contract.observations if term.kind == "external"]
    manager = env.observation_manager
    found: dict[str, Any] = {}
    for group in sorted(manager.active_terms, key=lambda name: name != "policy"):
        for name, cfg in zip(manager.active_terms[group], manager._group_obs_term_cfgs[group], strict=True):
            if name in names:
                found.setdefault(name, cfg)
    missing = set(names) - set(found)
    if missing:
        raise UsageError(f"{contract.made_by.task}: has no observation '{min(missing)}'. {EXPORT_ANEW}")
    return found
