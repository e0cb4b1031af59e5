"""Observations that Isaac Lab lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from isaaclab.managers import ManagerTermBase, ObservationTermCfg, SceneEntityCfg
from isaaclab.utils.math import combine_frame_transforms, compute_pose_error, subtract_frame_transforms

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv
    from isaaclab.sensors import ContactSensor


def of_body(values: torch.Tensor, asset_cfg: SceneEntityCfg) -> torch.Tensor:
    """Values of the one body that is selected.

    Managers hold selections as tensors on the device; to index with the number in one would wait for the device.

    Args:
        values: Shape is (num_envs, bodies, ...).
        asset_cfg: The asset and the one body.

    Returns:
        Shape is (num_envs, ...).
    """
    return values[:, asset_cfg.body_ids][:, 0]


def pose_error(
    env: ManagerBasedRLEnv, command_name: str, asset_cfg: SceneEntityCfg
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distance and angle between a body and its commanded pose.

    Args:
        env: The environment.
        command_name: A pose command (x, y, z, qx, qy, qz, qw) in the base frame.
        asset_cfg: The robot and the one body.

    Returns:
        Distance, Unit: m, and angle, Unit: rad. Shapes are (num_envs,).
    """
    data = env.scene[asset_cfg.name].data
    goal = env.command_manager.get_command(command_name)
    goal_pos, goal_quat = combine_frame_transforms(
        data.root_pos_w.torch, data.root_quat_w.torch, goal[:, :3], goal[:, 3:]
    )
    position, rotation = compute_pose_error(
        goal_pos, goal_quat, of_body(data.body_pos_w.torch, asset_cfg), of_body(data.body_quat_w.torch, asset_cfg)
    )
    return torch.linalg.norm(position, dim=-1), torch.linalg.norm(rotation, dim=-1)


def ee_pose_error(env: ManagerBasedRLEnv, command_name: str, asset_cfg: SceneEntityCfg) -> torch.Tensor:
    """Commanded pose seen from a body: where to go from here.

    Returns:
        Position, Unit: m, and rotation vector, Unit: rad, in the base frame. Shape is (num_envs, 6).
    """
    data = env.scene[asset_cfg.name].data
    pos_b, quat_b = subtract_frame_transforms(
        data.root_pos_w.torch,
        data.root_quat_w.torch,
        of_body(data.body_pos_w.torch, asset_cfg),
        of_body(data.body_quat_w.torch, asset_cfg),
    )
    goal = env.command_manager.get_command(command_name)
    position, rotation = compute_pose_error(pos_b, quat_b, goal[:, :3], goal[:, 3:])
    return torch.cat([position, rotation], dim=-1)


def foot_contacts(env: ManagerBasedRLEnv, sensor_cfg: SceneEntityCfg, threshold: float = 1.0) -> torch.Tensor:
    """Whether each foot bears a force above a threshold (N), as 0 or 1. Shape is (num_envs, feet)."""
    sensor: ContactSensor = env.scene.sensors[sensor_cfg.name]
    force = sensor.data.net_forces_w.torch[:, sensor_cfg.body_ids]
    return (torch.linalg.norm(force, dim=-1) > threshold).float()


# What only a simulator knows of a robot, for teachers and critics.


def body_mass(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg) -> torch.Tensor:
    """Masses of bodies. Unit: kg. Shape is (num_envs, bodies)."""
    return env.scene[asset_cfg.name].data.body_mass.torch[:, asset_cfg.body_ids]


def joint_stiffness(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")) -> torch.Tensor:
    """Stiffness of the joints' position loops. Unit: N·m/rad for revolute joints. Shape is (num_envs, joints)."""
    return env.scene[asset_cfg.name].data.joint_stiffness.torch[:, asset_cfg.joint_ids]


def joint_damping(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")) -> torch.Tensor:
    """Damping of the joints' position loops. Unit: N·m·s/rad for revolute joints. Shape is (num_envs, joints)."""
    return env.scene[asset_cfg.name].data.joint_damping.torch[:, asset_cfg.joint_ids]


def joint_effort_limits(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")) -> torch.Tensor:
    """Largest efforts of the joints. Unit: N·m for revolute joints. Shape is (num_envs, joints)."""
    return env.scene[asset_cfg.name].data.joint_effort_limits.torch[:, asset_cfg.joint_ids]


def action_delay(env: ManagerBasedRLEnv, action_name: str) -> torch.Tensor:
    """By how much the targets of a :class:`DelayedJointPositionAction` come late. Unit: s. Shape is (num_envs, 1)."""
    return env.action_manager.get_term(action_name).lags.unsqueeze(-1) * env.physics_dt


class ContactFriction(ManagerTermBase):
    """Coefficients of friction of bodies' shapes, which are drawn when the simulation begins.

    PhysX does not say which shape is of which body, so there it is the mean over the robot for each of them.

    Returns:
        Shape is (num_envs, bodies).
    """

    def __init__(self, cfg: ObservationTermCfg, env: ManagerBasedRLEnv):
        super().__init__(cfg, env)
        asset_cfg: SceneEntityCfg = cfg.params["asset_cfg"]
        self._asset: Any = env.scene[asset_cfg.name]
        self._bodies = torch.arange(self._asset.num_bodies)[asset_cfg.body_ids].tolist()
        self._friction = self._read()

    def _read(self) -> torch.Tensor:
        import warp as wp

        view, engine = self._asset.root_view, self._env.sim.physics_manager
        if hasattr(engine, "get_model"):
            of_shape = wp.to_torch(view.get_attribute("shape_material_mu", engine.get_model()))[:, 0]
            shapes = [view.body_shapes[body] for body in self._asset.map_body_ids_to_backend(self._bodies)]
            return torch.stack([of_shape[:, ids].mean(dim=-1) for ids in shapes], dim=-1)
        if hasattr(view, "get_material_properties"):
            materials = wp.to_torch(view.get_material_properties())
        else:
            from isaaclab_ov.tensor_types import SHAPE_FRICTION_AND_RESTITUTION

            materials = wp.to_torch(view.get_attribute(SHAPE_FRICTION_AND_RESTITUTION))
        mean = materials[..., 0].to(self.device).mean(dim=-1, keepdim=True)
        return mean.expand(-1, len(self._bodies))

    def reset(self, env_ids: Sequence[int] | None = None) -> None:
        """Read it again as soon as it has been drawn."""
        if self._env.common_step_counter == 0:
            self._friction = self._read()

    def __call__(self, env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg) -> torch.Tensor:
        return self._friction
