"""Terms about an object that is to be picked up, carried to a place on the ground and put down there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from isaaclab.managers import SceneEntityCfg
from isaaclab.utils import configclass
from isaaclab.utils.math import subtract_frame_transforms
from isaaclab_tasks.core.lift.mdp.commands.pose_commands import ObjectUniformPoseCommand
from isaaclab_tasks.core.lift.mdp.commands.pose_commands_cfg import ObjectUniformPoseCommandCfg

from gaitway import mdp
from gaitway.mdp.objects import object_goal_distance
from gaitway.tasks.manipulation.grasping import grasped

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv

HIGH = 0.12
"""Height of a box's lowest corner up to which it is told. Unit: m."""


class PlaceCommand(ObjectUniformPoseCommand):
    """A place that is not where the object is, and whether the object has been in the air since.

    A place that is drawn too near is moved along y by twice the least distance, towards the middle, and no further than
    the edge of the range.
    """

    cfg: PlaceCommandCfg

    def __init__(self, cfg: PlaceCommandCfg, env: Any):
        super().__init__(cfg, env)
        self.carried = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        """Whether the object has been carried. Shape is (num_envs,)."""

    def _resample_command(self, env_ids: Sequence[int] | slice) -> None:
        super()._resample_command(env_ids)
        robot, thing = self.robot.data, self.object.data
        at, _ = subtract_frame_transforms(
            robot.root_pos_w.torch[env_ids], robot.root_quat_w.torch[env_ids], thing.root_pos_w.torch[env_ids]
        )
        self.pose_command_b[env_ids, :2] = apart(
            self.pose_command_b[env_ids, :2], at[:, :2], self.cfg.least_distance, self.cfg.ranges.pos_y
        )
        self.carried[env_ids] = False

    def _update_metrics(self) -> None:
        super()._update_metrics()
        self.carried |= mdp.box_lifted(self._env, self.cfg.half_size, self.cfg.carried_height) >= 1.0


@configclass
class PlaceCommandCfg(ObjectUniformPoseCommandCfg):
    """Configuration of :class:`PlaceCommand`."""

    class_type: type = PlaceCommand

    least_distance: float = 0.1
    """Least horizontal distance of the place from the object; half of y's range at most. Unit: m."""

    half_size: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Half of the object's edges. Unit: m."""

    carried_height: float = 0.03
    """Height of the object's lowest corner at which it is carried. Unit: m."""


def apart(place: torch.Tensor, at: torch.Tensor, least: float, range_y: tuple[float, float]) -> torch.Tensor:
    """Places that are far enough from where objects are.

    Args:
        place: x and y that were drawn. Shape is (n, 2). Unit: m.
        at: x and y of the objects, which are in the range as well. Shape is (n, 2). Unit: m.
        least: Least distance. Unit: m.
        range_y: Range of y that places are in. Unit: m.

    Returns:
        Shape is (n, 2). Unit: m.
    """
    x, y = place.unbind(dim=-1)
    middle = 0.5 * (range_y[0] + range_y[1])
    moved = torch.where(at[:, 1] > middle, y - 2.0 * least, y + 2.0 * least).clamp(*range_y)
    near = torch.linalg.norm(place - at, dim=-1) < least
    return torch.stack([x, torch.where(near, moved, y)], dim=-1)


def _horizontal_distance(env: ManagerBasedRLEnv, command_name: str) -> torch.Tensor:
    """Of the object from its commanded position. Unit: m. Shape is (num_envs,)."""
    robot, thing = env.scene["robot"].data, env.scene["object"].data
    at, _ = subtract_frame_transforms(robot.root_pos_w.torch, robot.root_quat_w.torch, thing.root_pos_w.torch)
    return torch.linalg.norm((mdp.commanded_position(env, command_name) - at)[:, :2], dim=-1)


def _height(env: ManagerBasedRLEnv, half_size: tuple[float, float, float]) -> torch.Tensor:
    """Of the object's lowest corner above the ground, up to :data:`HIGH`. Unit: m. Shape is (num_envs,)."""
    return HIGH * mdp.box_lifted(env, half_size, HIGH)


# -- observations -------------------------------------------------------------------------------------


def carried(env: ManagerBasedRLEnv, command_name: str) -> torch.Tensor:
    """Whether the object has been carried in this episode: 0 or 1. Unit: 1. Shape is (num_envs, 1)."""
    return env.command_manager.get_term(command_name).carried.float().unsqueeze(-1)


# -- success ------------------------------------------------------------------------------------------


def object_placed(
    env: ManagerBasedRLEnv,
    command_name: str,
    position: float,
    half_size: tuple[float, float, float],
    height: float,
    gripper_cfg: SceneEntityCfg,
    opening: float,
) -> torch.Tensor:
    """Whether a box was carried, is on the ground at the commanded place, and has been let go.

    Args:
        env: The environment.
        command_name: A :class:`PlaceCommand`.
        position: Largest horizontal distance that counts. Unit: m.
        half_size: Half of the box's edges. Unit: m.
        height: Largest height of its lowest corner above the ground that counts. Unit: m.
        gripper_cfg: The robot and the joints of its gripper, which close towards smaller positions.
        opening: Position of each finger from which the gripper has let go. Unit: m.

    Returns:
        Shape is (num_envs,), bool.
    """
    fingers = env.scene[gripper_cfg.name].data.joint_pos.torch[:, gripper_cfg.joint_ids]
    down = _height(env, half_size) < height
    there = _horizontal_distance(env, command_name) < position
    return env.command_manager.get_term(command_name).carried & there & down & (fingers.amin(dim=-1) > opening)


# -- rewards ------------------------------------------------------------------------------------------


def on_the_way(
    env: ManagerBasedRLEnv,
    command_name: str,
    std: float,
    half_size: tuple[float, float, float],
    clearance: float,
    grasp: dict[str, Any],
    asset_cfg: SceneEntityCfg,
    gripper_cfg: SceneEntityCfg,
) -> torch.Tensor:
    """Nearness of a grasped box to its commanded place by a way through the air, ``1 - tanh(distance / std)``.

    The distance is the horizontal one and twice by how much the box is off the height that it should have: the
    clearance when it is further away than that, and down at 45° from there on.

    Args:
        env: The environment.
        command_name: A pose command in the base frame, on the ground.
        std: Distance at which nearness is 0.24. Unit: m.
        half_size: Half of the box's edges. Unit: m.
        clearance: Height of its lowest corner on the way. Unit: m.
        grasp: The numbers that :func:`~gaitway.tasks.manipulation.grasping.grasped` needs.
        asset_cfg: The robot and its hand, one body.
        gripper_cfg: The robot and the joints of its gripper.

    Returns:
        In [0, 1]; 0 while it is not grasped. Unit: 1. Shape is (num_envs,).

    Source: ours.
    """
    across = _horizontal_distance(env, command_name)
    off = (_height(env, half_size) - across.clamp(max=clearance)).abs()
    near = 1.0 - torch.tanh((across + 2.0 * off) / std)
    return near * grasped(env, asset_cfg=asset_cfg, gripper_cfg=gripper_cfg, **grasp)


def put_down(
    env: ManagerBasedRLEnv,
    command_name: str,
    std: float,
    half_size: tuple[float, float, float],
    height: float,
    gripper_cfg: SceneEntityCfg,
    opening: float,
) -> torch.Tensor:
    """Nearness to the commanded place of a box that was carried, is down and let go, ``1 - tanh(distance / std)``.

    Args:
        env: The environment.
        command_name: A :class:`PlaceCommand`.
        std: Horizontal distance at which nearness is 0.24. Unit: m.
        half_size: As for :func:`object_placed`. Unit: m.
        height: As for :func:`object_placed`. Unit: m.
        gripper_cfg: As for :func:`object_placed`.
        opening: As for :func:`object_placed`. Unit: m.

    Returns:
        In [0, 1]; 0 while it is in the air, in the hand, or was never carried. Unit: 1. Shape is (num_envs,).

    Source: ours.
    """
    done = object_placed(env, command_name, torch.inf, half_size, height, gripper_cfg, opening)
    return done * (1.0 - torch.tanh(_horizontal_distance(env, command_name) / std))


def approach_distance(
    env: ManagerBasedRLEnv,
    asset_cfg: SceneEntityCfg,
    offset: float,
    object_cfg: SceneEntityCfg = SceneEntityCfg("object"),
) -> torch.Tensor:
    """Distance of an object from where a hand grasps.

    Args:
        env: The environment.
        asset_cfg: The robot and its hand, one body.
        offset: How far along the hand's z axis it grasps. Unit: m.
        object_cfg: The object.

    Returns:
        In [0, inf). Unit: m. Shape is (num_envs,).

    Source: the staged reward of the notes that this project comes from.
    """
    return torch.linalg.norm(mdp.hand_to_object(env, asset_cfg, offset, object_cfg), dim=-1)


def carry_distance(
    env: ManagerBasedRLEnv,
    command_name: str,
    grasp: dict[str, Any],
    asset_cfg: SceneEntityCfg,
    gripper_cfg: SceneEntityCfg,
) -> torch.Tensor:
    """Distance of an object from its commanded position, which counts as 1 m while it is not grasped.

    Args:
        env: The environment.
        command_name: A pose command in the base frame.
        grasp: The numbers that :func:`~gaitway.tasks.manipulation.grasping.grasped` needs.
        asset_cfg: The robot and its hand, one body.
        gripper_cfg: The robot and the joints of its gripper.

    Returns:
        In [0, inf). Unit: m. Shape is (num_envs,).

    Source: the staged reward of the notes that this project comes from.
    """
    held = grasped(env, asset_cfg=asset_cfg, gripper_cfg=gripper_cfg, **grasp)
    return torch.where(held > 0.0, object_goal_distance(env, command_name), 1.0)


def held_at_goal(
    env: ManagerBasedRLEnv,
    command_name: str,
    position: float,
    grasp: dict[str, Any],
    asset_cfg: SceneEntityCfg,
    gripper_cfg: SceneEntityCfg,
) -> torch.Tensor:
    """Whether an object is at its commanded position while it is grasped.

    Args:
        env: The environment.
        command_name: A pose command in the base frame.
        position: Largest distance that counts. Unit: m.
        grasp: The numbers that :func:`~gaitway.tasks.manipulation.grasping.grasped` needs.
        asset_cfg: The robot and its hand, one body.
        gripper_cfg: The robot and the joints of its gripper.

    Returns:
        0 or 1. Unit: 1. Shape is (num_envs,).

    Source: the staged reward of the notes that this project comes from.
    """
    there = object_goal_distance(env, command_name) < position
    return there * grasped(env, asset_cfg=asset_cfg, gripper_cfg=gripper_cfg, **grasp)


def object_held_at_goal(env: ManagerBasedRLEnv, **params: Any) -> torch.Tensor:
    """Whether an object is at its commanded position and in the hand: :func:`held_at_goal` as a verdict.

    Args:
        env: The environment.
        **params: As for :func:`held_at_goal`.

    Returns:
        Shape is (num_envs,), bool.
    """
    return held_at_goal(env, **params) > 0.5
