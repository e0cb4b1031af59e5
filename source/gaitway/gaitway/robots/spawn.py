"""Spawning a robot straight from its description."""

from __future__ import annotations

import dataclasses
import pkgutil
from typing import Any, cast

from isaaclab.sim.spawners.from_files import spawn_from_usd
from isaaclab.sim.spawners.from_files.from_files_cfg import UsdFileCfg
from isaaclab.utils import configclass, replace
from isaaclab_newton.sim.schemas import MujocoRigidBodyCfg, NewtonArticulationCfg
from isaaclab_physx.sim.schemas import PhysxArticulationCfg, PhysxRigidBodyCfg

from .assets import Colliders, RobotAsset


def robot_asset(cfg: RobotFileCfg) -> RobotAsset:
    """The description that a config names, with the colliders that it asks for.

    Raises:
        AssetError: There are no such colliders.
    """
    asset: RobotAsset = pkgutil.resolve_name(cfg.asset)
    return asset if cfg.colliders is None else dataclasses.replace(asset, colliders=cast(Colliders, cfg.colliders))


def spawn_robot(prim_path: str, cfg: RobotFileCfg, translation=None, orientation=None, **kwargs):
    """Convert the robot where that has not been done yet, and spawn it as Isaac Lab spawns a USD file.

    Args:
        prim_path: The prim path, or a pattern of paths.
        cfg: The robot.
        translation: Position of the robot in its parent prim. Shape is (3,). Unit: m.
        orientation: Orientation (x, y, z, w) in its parent prim.
        **kwargs: Passed on.

    Returns:
        The prim of the robot.

    Raises:
        AssetError: There are no such colliders, or the robot cannot be converted.
    """
    asset = robot_asset(cfg)
    made = replace(cfg, usd_path=str(asset.usd_path()), fix_root_link=None if asset.floating_base else True)
    return spawn_from_usd(prim_path, made, translation, orientation, **kwargs)


@configclass
class RobotFileCfg(UsdFileCfg):
    """A robot from its URDF: :class:`~isaaclab.sim.UsdFileCfg` whose file is made on first use."""

    func = spawn_robot

    usd_path: str = ""
    """Filled in when the robot is spawned."""

    asset: str = ""
    """The :class:`RobotAsset`, as ``package.module:NAME``."""

    colliders: str | None = None
    """``primitives`` or ``meshes``, as in :attr:`RobotAsset.colliders`; None for what the asset says."""


def articulation(position_iterations: int, velocity_iterations: int) -> list[Any]:
    """Links that do not touch each other.

    Args:
        position_iterations: PhysX's iterations for positions, in a physics step.
        velocity_iterations: Those for velocities, after them.
    """
    return [
        PhysxArticulationCfg(
            enabled_self_collisions=False,
            solver_position_iteration_count=position_iterations,
            solver_velocity_iteration_count=velocity_iterations,
        ),
        NewtonArticulationCfg(self_collision_enabled=False),
    ]


def weightless_arm(asset: str, **settings: Any) -> RobotFileCfg:
    """An arm that its own controller holds against gravity, so that policies act on a weightless one, here as there.

    Args:
        asset: The :class:`RobotAsset`, as ``package.module:NAME``.
        **settings: More fields of the config.
    """
    return RobotFileCfg(
        asset=asset,
        rigid_props=[
            PhysxRigidBodyCfg(disable_gravity=True, max_depenetration_velocity=5.0),
            MujocoRigidBodyCfg(gravcomp=1.0),
        ],
        articulation_props=articulation(8, 0),
        **settings,
    )


def legged_robot(asset: str, iterations: tuple[int, int] = (4, 0), **settings: Any) -> RobotFileCfg:
    """A robot on legs, with forces on all its links.

    Args:
        asset: The :class:`RobotAsset`, as ``package.module:NAME``.
        iterations: As :func:`articulation` takes them.
        **settings: More fields of the config.
    """
    return RobotFileCfg(
        asset=asset,
        activate_contact_sensors=True,
        rigid_props=PhysxRigidBodyCfg(max_depenetration_velocity=1.0),
        articulation_props=articulation(*iterations),
        **settings,
    )
