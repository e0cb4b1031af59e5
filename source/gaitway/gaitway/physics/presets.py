"""The engines a task runs on, chosen as ``physics=NAME``."""

from __future__ import annotations

from typing import Any

import torch
from isaaclab.utils import configclass
from isaaclab_newton.physics import NewtonCfg
from isaaclab_physx.physics import PhysxCfg
from isaaclab_tasks.utils import PresetCfg

from .mjwarp import BoxContactsSolverCfg
from .mujoco_cpu import MujocoCpuSolverCfg
from .ovphysx import OvPhysxCfg

HAS_GPU = torch.cuda.is_available()
"""Whether torch finds a GPU; without one, the default engine is native MuJoCo."""
_MUJOCO: dict[str, Any] = {
    "cone": "pyramidal",
    "integrator": "implicitfast",
    "impratio": 1.0,
    "iterations": 50,
    "ls_iterations": 50,
}


def mjwarp(njmax: int, nconmax: int, **settings: Any) -> NewtonCfg:
    """Newton with MuJoCo-Warp, one solver step a physics step.

    Args:
        njmax: Most constraint rows a world can have.
        nconmax: Most contacts a world can have.
        **settings: Of the solver, where they differ from those of the other tasks.
    """
    return NewtonCfg(
        solver_cfg=BoxContactsSolverCfg(njmax=njmax, nconmax=nconmax, **_MUJOCO | settings),
        num_substeps=1,
    )


def mujoco_cpu(njmax: int, nconmax: int, **settings: Any) -> NewtonCfg:
    """Newton with native MuJoCo worlds on the CPU, of the same settings as :func:`mjwarp`.

    Args:
        njmax: Most constraint rows a world can have.
        nconmax: Most contacts a world can have.
        **settings: Of the solver, where they differ from those of the other tasks.
    """
    return NewtonCfg(
        solver_cfg=MujocoCpuSolverCfg(njmax=njmax, nconmax=nconmax, whole_env_step=True, **_MUJOCO | settings),
        num_substeps=1,
    )


@configclass
class ArmPhysicsCfg(PresetCfg):
    """Engines for a fixed arm that touches little."""

    newton_mjwarp: NewtonCfg = mjwarp(njmax=60, nconmax=20)
    mujoco_cpu: NewtonCfg = mujoco_cpu(njmax=60, nconmax=20)
    ovphysx: OvPhysxCfg = OvPhysxCfg()
    isaacsim_physx: PhysxCfg = PhysxCfg(bounce_threshold_velocity=0.2)
    default: NewtonCfg = newton_mjwarp if HAS_GPU else mujoco_cpu


@configclass
class GraspPhysicsCfg(PresetCfg):
    """Engines for an arm that grasps: what it holds must not creep out of its fingers."""

    newton_mjwarp: NewtonCfg = mjwarp(njmax=200, nconmax=60, cone="elliptic", impratio=10.0)
    mujoco_cpu: NewtonCfg = mujoco_cpu(njmax=200, nconmax=60, cone="elliptic", impratio=10.0)
    ovphysx: OvPhysxCfg = OvPhysxCfg()
    isaacsim_physx: PhysxCfg = PhysxCfg(bounce_threshold_velocity=0.01, friction_correlation_distance=0.00625)
    default: NewtonCfg = newton_mjwarp if HAS_GPU else mujoco_cpu


@configclass
class LeggedPhysicsCfg(PresetCfg):
    """Engines for a legged robot on flat ground."""

    newton_mjwarp: NewtonCfg = mjwarp(njmax=80, nconmax=30)
    mujoco_cpu: NewtonCfg = mujoco_cpu(njmax=80, nconmax=30)
    ovphysx: OvPhysxCfg = OvPhysxCfg(gpu_max_rigid_patch_count=10 * 2**15)
    isaacsim_physx: PhysxCfg = PhysxCfg(gpu_max_rigid_patch_count=10 * 2**15)
    default: NewtonCfg = newton_mjwarp if HAS_GPU else mujoco_cpu
