"""Config of the engine."""

from __future__ import annotations

from isaaclab.utils import configclass
from isaaclab_newton.physics import MJWarpSolverCfg


@configclass
class MujocoCpuSolverCfg(MJWarpSolverCfg):
    """Native MuJoCo on the CPU, one world an environment."""

    class_type: type | str = "gaitway.physics.mujoco_cpu.manager:NewtonMujocoCpuManager"
    """Manager class."""

    num_threads: int = 0
    """Threads that step worlds; 0 for one a usable core. The result does not depend on it."""

    whole_env_step: bool = False
    """Whether the physics steps of an env-step run in one call where actuators are implicit.

    Actions are then applied, and sensors and joint accelerations updated, once an env-step; as with Newton's own
    actuators. Not for actions that are to react to each physics step.
    """

    history_length: int = 50
    """States that are kept of each world, for when one breaks."""

    max_position: float = 1.0e6
    """A coordinate beyond it is a broken state. Unit: m or rad."""

    max_velocity: float = 1.0e4
    """A velocity beyond it is a broken state. Unit: m/s or rad/s."""

    record_folder: str = ""
    """Where the last states of broken environments are written; empty for a folder in Gaitway's cache."""

    record_task: str = ""
    """Task id to be noted there."""
