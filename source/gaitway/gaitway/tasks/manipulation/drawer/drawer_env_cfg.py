"""Drawer: the scene, the terms and the numbers that all arms with a gripper share."""

from __future__ import annotations

from dataclasses import MISSING

from isaaclab.assets import ArticulationCfg
from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import EventTermCfg as EventTerm
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.managers import SceneEntityCfg
from isaaclab.sim import SimulationCfg
from isaaclab.utils import configclass, replace
from isaaclab.utils.noise import UniformNoiseCfg as Unoise

from gaitway import mdp
from gaitway.physics.presets import GraspPhysicsCfg
from gaitway.robots.cabinet import CABINET_CFG, HANDLE_SIZE, TRAVEL
from gaitway.tasks.defaults import auto_device
from gaitway.tasks.manipulation.arm_env_cfg import (
    ArmEnvCfg,
    ArmEventsCfg,
    ArmSceneCfg,
    CalmRewardsCfg,
    GripperActionsCfg,
    GripperCriticGroupCfg,
    GripperPolicyGroupCfg,
    events_by_level,
    gripper,
    hand,
    placed,
    policy_by_level,
)
from gaitway.tasks.randomisation import drawn_friction, redraw_friction

from . import mdp as drawer_mdp

OPEN = 0.2
"""How far the drawer is to be open. Unit: m."""


def handle() -> SceneEntityCfg:
    """The handle to pull."""
    return SceneEntityCfg("cabinet", body_names=["upper_drawer"])


def slide() -> SceneEntityCfg:
    """The joint of its drawer."""
    return SceneEntityCfg("cabinet", joint_names=["upper_drawer_joint"])


@configclass
class DrawerSceneCfg(ArmSceneCfg):
    """An arm on the ground, and a cabinet before it."""

    cabinet: ArticulationCfg = replace(
        CABINET_CFG,
        prim_path="{ENV_REGEX_NS}/Cabinet",
        init_state=ArticulationCfg.InitialStateCfg(pos=(0.75, 0.0, 0.0), joint_pos={".*": 0.0}),
    )


@configclass
class PolicyObsCfg(GripperPolicyGroupCfg):
    """What a real arm and a camera that sees the handle can measure."""

    hand_to_handle = ObsTerm(
        func=drawer_mdp.hand_to_handle,
        noise=Unoise(n_min=-0.005, n_max=0.005),
        params={"asset_cfg": hand(), "offset": MISSING, "handle_cfg": handle()},
    )
    handle_direction = ObsTerm(
        func=drawer_mdp.handle_direction, noise=Unoise(n_min=-0.02, n_max=0.02), params={"handle_cfg": handle()}
    )
    actions = ObsTerm(func=mdp.last_action)


@configclass
class CriticObsCfg(GripperCriticGroupCfg):
    """The same without noise, and what only a simulator knows."""

    hand_to_handle = ObsTerm(
        func=drawer_mdp.hand_to_handle, params={"asset_cfg": hand(), "offset": MISSING, "handle_cfg": handle()}
    )
    handle_direction = ObsTerm(func=drawer_mdp.handle_direction, params={"handle_cfg": handle()})
    actions = ObsTerm(func=mdp.last_action)
    drawer_pos = ObsTerm(func=mdp.joint_pos_rel, params={"asset_cfg": slide()})
    drawer_vel = ObsTerm(func=mdp.joint_vel_rel, params={"asset_cfg": slide()})
    remaining_time = ObsTerm(func=mdp.remaining_time_s)


@configclass
class ObservationsCfg:
    """Observations."""

    policy: PolicyObsCfg = policy_by_level(PolicyObsCfg)
    critic: CriticObsCfg = CriticObsCfg()


@configclass
class EventsCfg(ArmEventsCfg):
    """Randomisation, and where an episode begins."""

    robot_friction = drawn_friction("robot", 0.7, 1.3)
    handle_friction = drawn_friction("cabinet", 0.7, 1.3)
    drawer_mass = EventTerm(
        func=mdp.randomize_rigid_body_mass,
        mode="startup",
        params={
            "asset_cfg": SceneEntityCfg("cabinet", body_names=".*_drawer"),
            "mass_distribution_params": (0.5, 2.0),
            "operation": "scale",
            "distribution": "log_uniform",
        },
    )
    drawer_friction = EventTerm(
        func=mdp.randomize_joint_parameters,
        mode="startup",
        params={
            "asset_cfg": SceneEntityCfg("cabinet", joint_names=".*"),
            "friction_distribution_params": (1.0, 4.0),
            "operation": "abs",
        },
    )
    reset_cabinet = placed("cabinet", x=(-0.05, 0.05), y=(-0.1, 0.1), yaw=(-0.15, 0.15))

    def harden(self) -> None:
        """Have an arm that is badly known, fingers that slip or stick, and a drawer that runs freely or jams."""
        super().harden()
        for term in (self.robot_friction, self.handle_friction):
            redraw_friction(term, 0.5, 1.5)
        self.drawer_mass.params["mass_distribution_params"] = (0.25, 4.0)
        self.drawer_friction.params["friction_distribution_params"] = (0.0, 8.0)


@configclass
class RewardsCfg(CalmRewardsCfg):
    """Be at the handle, face it, close on it, and above all have the drawer open."""

    near_handle = RewTerm(
        func=drawer_mdp.handle_near_hand,
        weight=0.2,
        params={"asset_cfg": hand(), "offset": MISSING, "handle_cfg": handle(), "std": 0.2},
    )
    aligned = RewTerm(func=drawer_mdp.handle_aligned, weight=0.1, params={"asset_cfg": hand(), "handle_cfg": handle()})
    grasped = RewTerm(
        func=drawer_mdp.handle_grasped,
        weight=0.4,
        params={
            "asset_cfg": hand(),
            "finger_cfg": SceneEntityCfg("robot", body_names=MISSING),
            "joint_cfg": gripper(),
            "handle_cfg": handle(),
            "tip": MISSING,
            "size": HANDLE_SIZE,
            "stroke": MISSING,
        },
    )
    opened = RewTerm(func=drawer_mdp.opening, weight=2.0, params={"asset_cfg": slide(), "travel": TRAVEL})


@configclass
class CurriculumCfg:
    """Judges episodes; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess,
        params={"judge": drawer_mdp.is_open, "params": {"asset_cfg": slide(), "distance": OPEN}},
    )


@configclass
class DrawerEnvCfg(ArmEnvCfg):
    """Open a drawer."""

    sim: SimulationCfg = SimulationCfg(dt=1.0 / 120.0, device=auto_device(), physics=GraspPhysicsCfg())
    scene: DrawerSceneCfg = DrawerSceneCfg(num_envs=4096, env_spacing=2.5)
    observations: ObservationsCfg = ObservationsCfg()
    actions: GripperActionsCfg = GripperActionsCfg()
    rewards: RewardsCfg = RewardsCfg()
    events: EventsCfg = events_by_level(EventsCfg)
    curriculum: CurriculumCfg = CurriculumCfg()

    def __post_init__(self):
        super().__post_init__()
        self.viewer.eye = (0.0, -1.6, 1.2)
        self.viewer.lookat = (0.5, 0.0, 0.5)
