"""Insert: the scene, the terms and the numbers that all arms share."""

from __future__ import annotations

from dataclasses import MISSING
from typing import Any

from isaaclab.assets import ArticulationCfg
from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.managers import SceneEntityCfg
from isaaclab.sim import SimulationCfg
from isaaclab.utils import configclass
from isaaclab.utils.noise import UniformNoiseCfg as Unoise

from gaitway import mdp
from gaitway.physics.presets import GraspPhysicsCfg
from gaitway.robots.insertion import HOLE_DEPTH, PEG, PEG_LENGTH
from gaitway.tasks.defaults import auto_device
from gaitway.tasks.manipulation.arm_env_cfg import (
    ArmEnvCfg,
    ArmEventsCfg,
    ArmSceneCfg,
    CalmRewardsCfg,
    CriticGroupCfg,
    PolicyGroupCfg,
    events_by_level,
    placed,
    policy_by_level,
)
from gaitway.tasks.randomisation import drawn_friction, redraw_friction

from . import mdp as insert_mdp

DEEP = 0.025
"""How deep in the hole the peg is to be. Unit: m."""
AT_MOUTH = 0.001
"""How deep in the hole a peg is that has found it. Unit: m."""


def pair() -> dict[str, Any]:
    """The peg and the socket."""
    return {
        "peg_cfg": SceneEntityCfg("robot", body_names=["peg"]),
        "socket_cfg": SceneEntityCfg("socket", body_names=["socket"]),
    }


def keypoints(slope: float, width: float) -> dict[str, Any]:
    """Parameters of nearness by keypoints."""
    return {**pair(), "size": (PEG, PEG_LENGTH), "depth": HOLE_DEPTH, "slope": slope, "width": width}


@configclass
class InsertSceneCfg(ArmSceneCfg):
    """An arm on the ground that holds a peg, and a block with a hole before it."""

    socket: ArticulationCfg = MISSING


@configclass
class PolicyObsCfg(PolicyGroupCfg):
    """What a real arm and a camera at its wrist can measure."""

    peg_position = ObsTerm(func=insert_mdp.peg_position, noise=Unoise(n_min=-0.0005, n_max=0.0005), params=pair())
    peg_misalignment = ObsTerm(func=insert_mdp.peg_misalignment, noise=Unoise(n_min=-0.005, n_max=0.005), params=pair())
    actions = ObsTerm(func=mdp.last_action)


@configclass
class CriticObsCfg(CriticGroupCfg):
    """The same without noise, and what only a simulator knows."""

    peg_position = ObsTerm(func=insert_mdp.peg_position, params=pair())
    peg_misalignment = ObsTerm(func=insert_mdp.peg_misalignment, params=pair())
    actions = ObsTerm(func=mdp.last_action)
    remaining_time = ObsTerm(func=mdp.remaining_time_s)


@configclass
class ObservationsCfg:
    """Observations."""

    policy: PolicyObsCfg = policy_by_level(PolicyObsCfg)
    critic: CriticObsCfg = CriticObsCfg()


@configclass
class EventsCfg(ArmEventsCfg):
    """Randomisation, and where an episode begins."""

    # Of steel on steel, with some grease or without.
    peg_friction = drawn_friction("robot", 0.1, 0.4)
    socket_friction = drawn_friction("socket", 0.1, 0.4)
    reset_socket = placed("socket", x=(-0.03, 0.03), y=(-0.03, 0.03), yaw=(-0.2, 0.2))

    def __post_init__(self):
        # The peg begins 3 to 9 cm above the hole.
        self.reset_joints.params["position_range"] = (-0.03, 0.03)

    def harden(self) -> None:
        """Have an arm that is badly known, and parts that are dry."""
        super().harden()
        for term in (self.peg_friction, self.socket_friction):
            # Of the same geometric mean, which is what `only_resets` leaves.
            redraw_friction(term, 0.05, 0.8)


@configclass
class RewardsCfg(CalmRewardsCfg):
    """Bring the peg to where it belongs, seen from afar, from near and from very near; find the hole; be in it."""

    approached = RewTerm(func=insert_mdp.keypoints_near, weight=0.5, params=keypoints(5.0, 4.0))
    near = RewTerm(func=insert_mdp.keypoints_near, weight=0.5, params=keypoints(50.0, 2.0))
    very_near = RewTerm(func=insert_mdp.keypoints_near, weight=0.5, params=keypoints(100.0, 0.0))
    found = RewTerm(func=insert_mdp.inserted, weight=0.5, params={**pair(), "depth": AT_MOUTH, "play": MISSING})
    inserted = RewTerm(func=insert_mdp.inserted, weight=1.0, params={**pair(), "depth": DEEP, "play": MISSING})


@configclass
class SparseRewardsCfg:
    """1 while the peg is in the hole, else 0."""

    inserted = RewTerm(func=insert_mdp.inserted, weight=1.0, params={**pair(), "depth": DEEP, "play": MISSING})


@configclass
class CurriculumCfg:
    """Judges episodes; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess,
        params={"judge": insert_mdp.is_inserted, "params": {**pair(), "depth": DEEP, "play": MISSING}},
    )


@configclass
class InsertEnvCfg(ArmEnvCfg):
    """Put a peg into a hole."""

    # Contacts as stiff as the clearance wants them need short steps.
    sim: SimulationCfg = SimulationCfg(dt=1.0 / 240.0, device=auto_device(), physics=GraspPhysicsCfg())
    scene: InsertSceneCfg = InsertSceneCfg(num_envs=4096, env_spacing=2.5)
    observations: ObservationsCfg = ObservationsCfg()
    rewards: Any = RewardsCfg()
    events: EventsCfg = events_by_level(EventsCfg)
    curriculum: CurriculumCfg = CurriculumCfg()

    def __post_init__(self):
        super().__post_init__()
        self.decimation = 8
        self.sim.render_interval = self.decimation
        self.viewer.eye = (0.95, -0.45, 0.45)
        self.viewer.lookat = (0.5, 0.0, 0.12)

    def use_clearance(self, clearance: float) -> None:
        """Fill in how far a peg that is in the hole can be from its axis.

        Args:
            clearance: By how much the hole is wider than the peg. Unit: m.
        """
        terms = [term for name, term in vars(self.rewards).items() if name in ("found", "inserted")]
        for params in [*(term.params for term in terms), self.curriculum.success.params["params"]]:
            params["play"] = clearance
