"""Terms of jumping alone: where a jump begins, where it is to end, and whether it did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from isaaclab.managers import CommandTerm, CommandTermCfg, SceneEntityCfg
from isaaclab.utils import configclass
from isaaclab.utils.math import euler_xyz_from_quat, quat_from_euler_xyz, wrap_to_pi

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv
    from isaaclab.sensors import ContactSensor

ROBOT = SceneEntityCfg("robot")


def reset_before_or_on_box(
    env: ManagerBasedRLEnv,
    env_ids: torch.Tensor | slice | None,
    size: tuple[float, float, float],
    gap: tuple[float, float],
    side: float,
    yaw: float,
    on_box: float,
    velocity: float = 0.0,
    asset_cfg: SceneEntityCfg = ROBOT,
) -> None:
    """Put the robot before the box, or on it, looking along x, across the edge ahead of it.

    The box is in the middle of the environment.

    Args:
        env: The environment.
        env_ids: Environments that begin anew.
        size: Edges of the box. Unit: m.
        gap: Least and largest distance of the trunk's middle from the edge. Unit: m.
        side: Largest distance from the middle line. Unit: m.
        yaw: Largest angle with the x axis. Unit: rad.
        on_box: Share of episodes that begin on the box.
        velocity: Largest speed along each axis. Unit: m/s.
        asset_cfg: The robot.
    """
    asset = env.scene[asset_cfg.name]
    pose = asset.data.default_root_pose.torch[env_ids].clone()
    count = len(pose)

    def draw(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, device=env.device)

    on = (torch.rand(count, device=env.device) < on_box).float()
    edge = (2.0 * on - 1.0) * 0.5 * size[0]
    pose[:, :3] += env.scene.env_origins[env_ids]
    pose[:, 0] += edge - draw(*gap)
    pose[:, 1] += draw(-side, side)
    pose[:, 2] += on * size[2]
    zero = torch.zeros_like(on)
    pose[:, 3:] = quat_from_euler_xyz(zero, zero, draw(-yaw, yaw))
    speed = torch.zeros(count, 6, device=env.device)
    speed[:, :3] = velocity * (2.0 * torch.rand(count, 3, device=env.device) - 1.0)
    asset.write_root_link_pose_to_sim_index(root_pose=pose, env_ids=env_ids)
    asset.write_root_com_velocity_to_sim_index(root_velocity=speed, env_ids=env_ids)


class JumpCommand(CommandTerm):
    """Where to land, as seen from the robot, one place an episode; and how it got there.

    The command is how far ahead and to the left the place is, how far ahead the edge of the box is, and by how much the
    ground there is higher than where the episode began. Ahead and left are those of the trunk's heading. A robot that
    begins on the box is to land on the ground beyond it.
    """

    cfg: JumpCommandCfg

    def __init__(self, cfg: JumpCommandCfg, env: ManagerBasedRLEnv):
        super().__init__(cfg, env)
        self._robot = env.scene[cfg.asset_name]
        self._sensor: ContactSensor = env.scene.sensors[cfg.sensor_name]
        self.place = torch.zeros(self.num_envs, 3, device=self.device)
        """Where to land, on the ground or on the box. Unit: m, world frame. Shape is (num_envs, 3)."""
        self._edge, self._rise = (torch.zeros(self.num_envs, device=self.device) for _ in range(2))
        self.flight, self.longest_flight = torch.zeros_like(self._rise), torch.zeros_like(self._rise)
        """Length of the flight that goes on (s), 0 on the ground; and of the longest so far. Shapes are (num_envs,)."""
        self._stood, self._short = (torch.zeros_like(self._rise, dtype=torch.bool) for _ in range(2))
        self.longest_leap = torch.zeros_like(self._rise)
        """Length of the longest flight so far that took the trunk across the edge. Unit: s. Shape is (num_envs,)."""
        self.metrics["longest_flight"] = self.longest_flight

    @property
    def command(self) -> torch.Tensor:
        """Ahead, left, edge and rise. Unit: m. Shape is (num_envs, 4)."""
        data = self._robot.data
        _, _, yaw = euler_xyz_from_quat(data.root_quat_w.torch)
        away = self.place - data.root_pos_w.torch
        cos, sin = yaw.cos(), yaw.sin()
        ahead = cos * away[:, 0] + sin * away[:, 1]
        left = cos * away[:, 1] - sin * away[:, 0]
        return torch.stack([ahead, left, self._edge - data.root_pos_w.torch[:, 0], self._rise], dim=-1)

    def _resample_command(self, env_ids: Sequence[int]) -> None:
        ids: Any = env_ids
        length, _, height = self.cfg.size
        origin = self._env.scene.env_origins[ids]
        position = self._robot.data.root_pos_w.torch[ids] - origin
        on = (position[:, 0] > -0.5 * length).float()
        low, high = self.cfg.beyond
        edge = (2.0 * on - 1.0) * 0.5 * length
        self._edge[ids] = edge + origin[:, 0]
        self._rise[ids] = (1.0 - 2.0 * on) * height
        self.place[ids] = origin
        self.place[ids, 0] += edge + low + (high - low) * torch.rand(len(on), device=self.device)
        self.place[ids, 2] += (1.0 - on) * height
        for state in (self.flight, self.longest_flight, self.longest_leap, self._stood, self._short):
            state[ids] = 0

    def _update_command(self) -> None:
        pass

    def _update_metrics(self) -> None:
        touches = (self._sensor.data.current_contact_time.torch > 0.0).any(dim=-1)
        self.count(touches, self._robot.data.root_pos_w.torch[:, 0] > self._edge)

    def count(self, touches: torch.Tensor, beyond: torch.Tensor) -> None:
        """Take note of who touches anything in this step, and whose trunk is across the edge. What comes before an
        episode's first touch is no flight.

        Args:
            touches: Shape is (num_envs,), bool.
            beyond: Shape is (num_envs,), bool.
        """
        self._stood |= touches
        self._short = torch.where(touches, ~beyond, self._short)
        self.flight.copy_(torch.where(touches, 0.0, self.flight + self._env.step_dt * self._stood))
        torch.maximum(self.longest_flight, self.flight, out=self.longest_flight)
        torch.maximum(self.longest_leap, self.flight * (self._short & beyond), out=self.longest_leap)


@configclass
class JumpCommandCfg(CommandTermCfg):
    """Configuration of :class:`JumpCommand`."""

    class_type: type = JumpCommand

    resampling_time_range: tuple[float, float] = (1.0e6, 1.0e6)

    asset_name: str = "robot"
    """The robot."""

    sensor_name: str = "contact_forces"
    """The contact sensor that has all its bodies."""

    element_names: Sequence[str] = ("ahead", "left", "edge", "rise")
    """What the elements of the command are called where a robot is told of them. Unit: m."""

    size: tuple[float, float, float] = (1.2, 1.4, 0.2)
    """Edges of the box, which is in the middle of the environment. Unit: m."""

    beyond: tuple[float, float] = (0.35, 0.6)
    """Least and largest distance of the place from the edge. Unit: m."""


def _to_place(
    env: ManagerBasedRLEnv, command_name: str, height: float, asset_cfg: SceneEntityCfg
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distance along the ground and in height of the trunk from where it is when standing at the place. Unit: m."""
    command: JumpCommand = env.command_manager.get_term(command_name)
    away = env.scene[asset_cfg.name].data.root_pos_w.torch - command.place
    return torch.linalg.norm(away[:, :2], dim=-1), (away[:, 2] - height).abs()


def near_place(
    env: ManagerBasedRLEnv, command_name: str, height: float, std: float, asset_cfg: SceneEntityCfg = ROBOT
) -> torch.Tensor:
    """Nearness of the trunk to where it is when standing at the place, ``1 - tanh(distance / std)``.
    Unit: 1.

    Args:
        env: The environment.
        command_name: A :class:`JumpCommand`.
        height: Height of the trunk above what the robot stands on. Unit: m.
        std: Distance at which nearness is 0.24. Unit: m.
        asset_cfg: The robot.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: Isaac Lab's ``position_command_error_tanh``, there of a body and a pose command.
    """
    along, above = _to_place(env, command_name, height, asset_cfg)
    return 1.0 - torch.tanh(torch.hypot(along, above) / std)


def calm_at_place(
    env: ManagerBasedRLEnv,
    command_name: str,
    height: float,
    std: float,
    speed: float,
    pose: float,
    asset_cfg: SceneEntityCfg = ROBOT,
) -> torch.Tensor:
    """Standing still at the place: :func:`near_place` times ``exp(-v² / speed² - sum (q - q₀)² / pose²)``.
    Unit: 1.

    Args:
        env: The environment.
        command_name: A :class:`JumpCommand`.
        height: As for :func:`near_place`. Unit: m.
        std: As for :func:`near_place`. Unit: m.
        speed: Speed of the trunk at which stillness is 0.37. Unit: m/s.
        pose: Distance in joint space at which nearness is 0.37. Unit: rad.
        asset_cfg: The robot.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: ours.
    """
    data = env.scene[asset_cfg.name].data
    moved = data.root_lin_vel_w.torch.square().sum(dim=-1) / speed**2
    off = (data.joint_pos.torch - data.default_joint_pos.torch).square().sum(dim=-1) / pose**2
    return torch.exp(-moved - off) * near_place(env, command_name, height, std, asset_cfg)


def first_flight(env: ManagerBasedRLEnv, command_name: str, most: float) -> torch.Tensor:
    """Whether this step makes the longest flight of the episode longer, up to ``most``: the first leap pays, no second.
    Unit: 1.

    Args:
        env: The environment.
        command_name: A :class:`JumpCommand`.
        most: Length of flight from which it pays no more. Unit: s.

    Returns:
        0 or 1. Shape is (num_envs,).

    Source: ours.
    """
    command: JumpCommand = env.command_manager.get_term(command_name)
    longer = (command.flight > 0.0) & (command.flight >= command.longest_flight)
    return (longer & (command.flight < most)).float()


def flight_times(env: ManagerBasedRLEnv, command_name: str) -> torch.Tensor:
    """Length of the flight that goes on, and of the longest in this episode. Unit: s. Shape is (num_envs, 2)."""
    command: JumpCommand = env.command_manager.get_term(command_name)
    return torch.stack([command.flight, command.longest_flight], dim=-1)


def turned_away(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg = ROBOT) -> torch.Tensor:
    """Squared angle of the trunk's heading with the x axis, across the edge. Unit: rad².

    Returns:
        In [0, π²]. Shape is (num_envs,).

    Source: ours.
    """
    _, _, yaw = euler_xyz_from_quat(env.scene[asset_cfg.name].data.root_quat_w.torch)
    return wrap_to_pi(yaw).square()


def jumped(
    env: ManagerBasedRLEnv,
    command_name: str,
    height: float,
    along: float,
    above: float,
    tilt: float,
    speed: float,
    flight: float,
    asset_cfg: SceneEntityCfg = ROBOT,
) -> torch.Tensor:
    """Whether the robot stands still at the place when time is up, and flew across the edge on the way.

    Args:
        env: The environment.
        command_name: A :class:`JumpCommand`.
        height: Height of the trunk above what the robot stands on. Unit: m.
        along: Largest distance from the place, along the ground, that counts. Unit: m.
        above: Largest deviation from the height that counts. Unit: m.
        tilt: Largest tilt that counts. Unit: rad.
        speed: Largest speed of the trunk that counts. Unit: m/s.
        flight: How long nothing must have been touched, at once, while the trunk got across the edge. Unit: s.
        asset_cfg: The robot.

    Returns:
        Shape is (num_envs,), bool.
    """
    command: JumpCommand = env.command_manager.get_term(command_name)
    data, done = env.scene[asset_cfg.name].data, env.termination_manager
    off_along, off_above = _to_place(env, command_name, height, asset_cfg)
    stands = (
        (off_along < along)
        & (off_above < above)
        & (-data.projected_gravity_b.torch[:, 2] > math.cos(tilt))
        & (torch.linalg.norm(data.root_lin_vel_w.torch, dim=-1) < speed)
    )
    return stands & (command.longest_leap > flight - 0.5 * env.step_dt) & done.time_outs & ~done.terminated
