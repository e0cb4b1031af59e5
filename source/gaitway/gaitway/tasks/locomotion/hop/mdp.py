"""Terms of hopping alone: which feet are to bear the hops, what counts as one, and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING
from typing import TYPE_CHECKING, Any

import torch
from isaaclab.managers import CommandTerm, CommandTermCfg, SceneEntityCfg
from isaaclab.utils import configclass

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv
    from isaaclab.sensors import ContactSensor


class HopCommand(CommandTerm):
    """Which feet are to bear the hops, one choice an episode, and how the episode has gone so far.

    A hop is a stance on all commanded feet and on no other, followed by a flight: no foot touches the ground for at
    least ``shortest``. Feet that come and go one after the other are a gait: while the robot stood, no more than
    ``apart`` may have been on some of the commanded feet only.
    """

    cfg: HopCommandCfg

    def __init__(self, cfg: HopCommandCfg, env: ManagerBasedRLEnv):
        super().__init__(cfg, env)
        self._robot = env.scene[cfg.asset_name]
        self._sensor: ContactSensor = env.scene.sensors[cfg.sensor_name]
        ids, self.feet = self._sensor.find_sensors(list(cfg.feet), preserve_order=True)
        self._ids = torch.as_tensor(ids, device=self.device)
        self._choices = torch.tensor([[float(foot) for foot in feet] for feet in cfg.choices], device=self.device)
        self._weights = torch.tensor(list(cfg.choices.values()), device=self.device)
        self._command = torch.zeros(self.num_envs, len(cfg.feet), device=self.device)
        zeros = torch.zeros(self.num_envs, device=self.device)
        self.touched = torch.zeros_like(self._command, dtype=torch.bool)
        """Feet that were on the ground in the stance that goes on, or in the last. Shape is (num_envs, feet), bool."""
        self.flight, self._apart = zeros.clone(), zeros.clone()
        """Length of the flight that goes on, 0 on the ground. Unit: s. Shape is (num_envs,)."""
        self.hops, self.others_down = zeros.clone(), zeros.clone()
        """Hops in this episode, and for how long (s) a foot was down that was to be up. Shapes are (num_envs,)."""
        self._start = torch.zeros(self.num_envs, 2, device=self.device)
        self.drift = zeros.clone()
        """Largest distance along the ground from where the episode began. Unit: m. Shape is (num_envs,)."""
        self.metrics["hops"] = self.hops
        self.metrics["others_down"] = self.others_down
        self.metrics["drift"] = self.drift

    @property
    def command(self) -> torch.Tensor:
        """1 for each foot that is to bear the hops, else 0. Shape is (num_envs, feet)."""
        return self._command

    def _resample_command(self, env_ids: Sequence[int]) -> None:
        ids: Any = env_ids
        count = len(self._command[ids])
        self._command[ids] = self._choices[torch.multinomial(self._weights, count, replacement=True)]
        self._start[ids] = self._robot.data.root_pos_w.torch[ids, :2]
        for state in (self.flight, self._apart, self.touched):
            state[ids] = 0

    def _update_command(self) -> None:
        pass

    def _update_metrics(self) -> None:
        self.count(self._sensor.data.current_contact_time.torch[:, self._ids] > 0.0)
        away = torch.linalg.norm(self._robot.data.root_pos_w.torch[:, :2] - self._start, dim=-1)
        torch.maximum(self.drift, away, out=self.drift)

    def count(self, down: torch.Tensor) -> None:
        """Take note of which feet touch the ground in this step.

        Args:
            down: Shape is (num_envs, feet), bool.
        """
        step = self._env.step_dt
        told = self._command > 0.5
        grounded = down.any(dim=-1)
        lands = grounded & (self.flight > 0.0)
        some = (down & told).any(dim=-1) & ~(down | ~told).all(dim=-1)
        self.touched = torch.where(lands[:, None], down, self.touched | down)
        self._apart = torch.where(lands, 0.0, self._apart) + step * some
        before = self.flight.clone()
        self.flight.copy_(torch.where(grounded, 0.0, before + step))
        # Half a step of margin for sums of steps that are not exact.
        edge = self.cfg.shortest - 0.5 * step
        lifts = (before < edge) & (self.flight >= edge)
        self.hops += lifts & (self.touched == told).all(dim=-1) & (self._apart < self.cfg.apart + 0.5 * step)
        self.others_down += step * (down & ~told).any(dim=-1)


@configclass
class HopCommandCfg(CommandTermCfg):
    """Configuration of :class:`HopCommand`."""

    class_type: type = HopCommand

    resampling_time_range: tuple[float, float] = (1.0e6, 1.0e6)

    asset_name: str = "robot"
    """The robot."""

    sensor_name: str = "contact_forces"
    """The contact sensor that has the feet."""

    feet: Sequence[str] = MISSING
    """Names of the feet, in the command's order."""

    element_names: Sequence[str] = MISSING
    """What the elements of the command are called where a robot is told of them."""

    choices: dict[str, float] = MISSING
    """Which feet may be commanded, as a string of 1 or 0 for each, and how often, as weights."""

    shortest: float = 0.08
    """Shortest flight that counts. Unit: s."""

    apart: float = 0.08
    """How long a stance may be on some of the commanded feet only. Unit: s."""


def _told(env: ManagerBasedRLEnv, command_name: str) -> torch.Tensor:
    return env.command_manager.get_command(command_name) > 0.5


def _down(env: ManagerBasedRLEnv, sensor_cfg: SceneEntityCfg) -> torch.Tensor:
    sensor: ContactSensor = env.scene.sensors[sensor_cfg.name]
    return sensor.data.current_contact_time.torch[:, sensor_cfg.body_ids] > 0.0


def feet_air_time(env: ManagerBasedRLEnv, sensor_cfg: SceneEntityCfg, longest: float) -> torch.Tensor:
    """For how long each foot has been in the air, 0 on the ground, ``longest`` at most. Unit: s.

    Shape is (num_envs, feet).
    """
    sensor: ContactSensor = env.scene.sensors[sensor_cfg.name]
    return sensor.data.current_air_time.torch[:, sensor_cfg.body_ids].clamp_max(longest)


def touched_feet(env: ManagerBasedRLEnv, command_name: str) -> torch.Tensor:
    """1 for each foot that was on the ground in the stance that goes on, or in the last, else 0. Unit: 1.

    Shape is (num_envs, command).
    """
    command: HopCommand = env.command_manager.get_term(command_name)
    return command.touched.float()


def flight(
    env: ManagerBasedRLEnv, command_name: str, sensor_cfg: SceneEntityCfg, shortest: float, longest: float
) -> torch.Tensor:
    """The middle of a hop: 1 while no foot is on the ground, the commanded ones not for long, times the fourth power of
    the share of feet that the stance before it was, or was not, on, as commanded. Unit: 1.

    Without the second factor, feet that touch one after the other, a run on the spot, pay as much as hops do; with a
    lower power, a bounce on two feet is the best that is found.

    Args:
        env: The environment.
        command_name: A :class:`HopCommand`.
        sensor_cfg: The contact sensor and the feet.
        shortest: Time that the last commanded foot is to have been in the air, above a tremble. Unit: s.
        longest: Time from which it counts no more: a robot that lies on its back has all feet in the air. Unit: s.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: ours.
    """
    sensor: ContactSensor = env.scene.sensors[sensor_cfg.name]
    command: HopCommand = env.command_manager.get_term(command_name)
    told = _told(env, command_name)
    air_time = sensor.data.current_air_time.torch[:, sensor_cfg.body_ids]
    since = torch.where(told, air_time, torch.inf).amin(dim=-1)
    up = (air_time > 0.0).all(dim=-1) & (since > shortest) & (since < longest)
    return up * (command.touched == told).float().mean(dim=-1).pow(4)


def others_down(env: ManagerBasedRLEnv, command_name: str, sensor_cfg: SceneEntityCfg) -> torch.Tensor:
    """Feet on the ground that are to be up. Unit: 1.

    Args:
        env: The environment.
        command_name: A :class:`HopCommand`.
        sensor_cfg: The contact sensor and the feet.

    Returns:
        In [0, feet]. Shape is (num_envs,).

    Source: ours.
    """
    return (_down(env, sensor_cfg) & ~_told(env, command_name)).float().sum(dim=-1)


def feet_apart(env: ManagerBasedRLEnv, command_name: str, sensor_cfg: SceneEntityCfg) -> torch.Tensor:
    """Whether some of the commanded feet are on the ground and some are not. Unit: 1.

    Args:
        env: The environment.
        command_name: A :class:`HopCommand`.
        sensor_cfg: The contact sensor and the feet.

    Returns:
        0 or 1. Shape is (num_envs,).

    Source: ours.
    """
    down, told = _down(env, sensor_cfg), _told(env, command_name)
    return ((down & told).any(dim=-1) & (~down & told).any(dim=-1)).float()


def lean(
    env: ManagerBasedRLEnv,
    command_name: str,
    front: Sequence[int],
    asset_cfg: SceneEntityCfg = SceneEntityCfg("robot"),
) -> torch.Tensor:
    """Squared sines of roll and pitch; of roll alone where one end is to bear the hops, since the trunk must lean then.
    Unit: 1.

    Args:
        env: The environment.
        command_name: A :class:`HopCommand`.
        front: 1 for each foot that is at the front, 0 for those behind, in the command's order.
        asset_cfg: The robot.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: Isaac Lab's ``flat_orientation_l2``, which counts pitch for all.
    """
    gravity = env.scene[asset_cfg.name].data.projected_gravity_b.torch
    told = env.command_manager.get_command(command_name)
    ahead = sum(told[:, i] for i, is_front in enumerate(front) if is_front)
    behind = sum(told[:, i] for i, is_front in enumerate(front) if not is_front)
    both_ends = (ahead > 0.5) & (behind > 0.5)
    return gravity[:, 1].square() + gravity[:, 0].square() * both_ends


def on_the_spot(
    env: ManagerBasedRLEnv, linear: float, angular: float, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")
) -> torch.Tensor:
    """Nearness of the planar velocity and of the yaw rate to none, ``exp(-v² / linear² - ω² / angular²)``. Unit: 1.

    Args:
        env: The environment.
        linear: Speed at which nearness is 0.37. Unit: m/s.
        angular: The same of the yaw rate. Unit: rad/s.
        asset_cfg: The robot.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: ours; Isaac Lab's ``track_lin_vel_xy_exp`` and ``track_ang_vel_z_exp`` in one, for a command to stay.
    """
    data = env.scene[asset_cfg.name].data
    moved = data.root_lin_vel_w.torch[:, :2].square().sum(dim=-1) / linear**2
    return torch.exp(-moved - data.root_ang_vel_w.torch[:, 2].square() / angular**2)


def hopped(env: ManagerBasedRLEnv, command_name: str, rate: float, others: float, drift: float) -> torch.Tensor:
    """Whether the robot hopped through the whole episode on the commanded feet and on the spot, and did not fall.

    Args:
        env: The environment.
        command_name: A :class:`HopCommand`.
        rate: Least number of hops a second. Unit: 1/s.
        others: Largest share of the episode that a foot may be down that is to be up.
        drift: Largest distance along the ground from where the episode began, at any time. Unit: m.

    Returns:
        Shape is (num_envs,), bool.
    """
    command: HopCommand = env.command_manager.get_term(command_name)
    length = env.episode_length_buf * env.step_dt
    done = env.termination_manager
    kept_up = (command.hops >= rate * length) & (command.others_down <= others * length)
    return kept_up & (command.drift <= drift) & done.time_outs & ~done.terminated
