"""Velocity on flat ground with the Unitree G1."""

from __future__ import annotations

from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.managers import SceneEntityCfg
from isaaclab.utils import configclass, replace
from isaaclab_newton.physics import NewtonCfg
from isaaclab_tasks.core.velocity import mdp as velocity_mdp

from gaitway import mdp
from gaitway.robots.g1 import G1_CFG
from gaitway.tasks.locomotion.velocity.rough_env_cfg import RoughRewardsCfg
from gaitway.tasks.locomotion.velocity.velocity_env_cfg import RewardsCfg, VelocityEnvCfg
from gaitway.tasks.randomisation import variants

FEET = ".*_ankle_roll_link"
ALL_BUT_FEET = "(?!.*_ankle_).*"


def _deviation(joints: list[str], weight: float) -> RewTerm:
    """A price of joints that are away from their default position."""
    asset_cfg = SceneEntityCfg("robot", joint_names=joints)
    return RewTerm(func=mdp.joint_deviation_l1, weight=weight, params={"asset_cfg": asset_cfg})


@configclass
class G1RewardsCfg(RewardsCfg):
    """As for quadrupeds, and what two legs want: one foot at a time, none that slides, arms and waist at rest.

    The terms that are added, and their weights, are those of Isaac Lab's tasks for the G1.
    """

    feet_in_swing = None
    feet_air_time = RewTerm(
        func=velocity_mdp.feet_air_time_positive_biped,
        weight=0.75,
        params={
            "command_name": "base_velocity",
            "sensor_cfg": SceneEntityCfg("contact_forces", body_names=FEET),
            "threshold": 0.4,
        },
    )
    feet_slide = RewTerm(
        func=velocity_mdp.feet_slide,
        weight=-0.1,
        params={
            "sensor_cfg": SceneEntityCfg("contact_forces", body_names=FEET),
            "asset_cfg": SceneEntityCfg("robot", body_names=FEET),
        },
    )
    ankle_pos_limits = RewTerm(
        func=mdp.joint_pos_limits,
        weight=-1.0,
        params={"asset_cfg": SceneEntityCfg("robot", joint_names=".*_ankle_.*_joint")},
    )
    hip_deviation = _deviation([".*_hip_yaw_joint", ".*_hip_roll_joint"], -0.1)
    arm_deviation = _deviation([".*_shoulder_.*_joint", ".*_elbow_joint", ".*_wrist_.*_joint"], -0.1)
    waist_deviation = _deviation(["waist_.*_joint"], -0.1)

    def __post_init__(self):
        self.track_ang_vel_z.weight = 1.5
        self.lin_vel_z.weight = -0.2
        self.flat_orientation.weight = -1.0
        self.joint_torques.weight = -2.0e-6
        self.joint_acc.weight = -1.0e-7


@configclass
class G1RoughRewardsCfg(G1RewardsCfg):
    """As on flat ground; the pelvis may rise with the ground."""

    def __post_init__(self):
        super().__post_init__()
        self.lin_vel_z = None
        self.base_height.weight = RoughRewardsCfg().base_height.weight
        self.base_height.params["sensor_cfg"] = SceneEntityCfg("height_scanner")


def use_g1(cfg: VelocityEnvCfg) -> None:
    """Put the G1 into the scene, and what a robot on two legs wants otherwise than one on four."""
    cfg.scene.robot = replace(G1_CFG, prim_path="{ENV_REGEX_NS}/Robot")
    cfg.use_legs(base="pelvis", feet=FEET, height=0.74)
    for events in variants(cfg.events):
        for term in (events.base_mass, getattr(events, "base_com", None)):
            if term is not None:
                term.params["asset_cfg"].body_names = "torso_link"
        if events.reset_joints is not None:
            events.reset_joints.params["position_range"] = (1.0, 1.0)
    # A quarter of what a motor can do, as mjlab has it.
    cfg.actions.joint_pos.scale = {
        ".*_hip_pitch_joint|.*_hip_yaw_joint|waist_yaw_joint": 0.55,
        ".*_hip_roll_joint|.*_knee_joint": 0.35,
        ".*_ankle_.*_joint|waist_roll_joint|waist_pitch_joint": 0.31,
        ".*_shoulder_.*_joint|.*_elbow_joint|.*_wrist_roll_joint": 0.44,
        ".*_wrist_pitch_joint|.*_wrist_yaw_joint": 0.075,
    }
    ranges = cfg.commands.base_velocity.ranges
    ranges.lin_vel_x, ranges.lin_vel_y = (0.0, 1.0), (-0.5, 0.5)
    cfg.terminations.base_contact.params["sensor_cfg"].body_names = ALL_BUT_FEET
    for engine in vars(cfg.sim.physics).values():
        if isinstance(engine, NewtonCfg):
            # Or its feet creep apart while it stands.
            engine.solver_cfg.impratio = 10.0
            engine.solver_cfg.njmax, engine.solver_cfg.nconmax = 200, 50
    cfg.viewer.eye = (2.2, 2.2, 1.3)
    cfg.viewer.lookat = (0.0, 0.0, 0.6)


@configclass
class G1FlatEnvCfg(VelocityEnvCfg):
    """G1 on flat ground."""

    rewards: G1RewardsCfg = G1RewardsCfg()

    def __post_init__(self):
        super().__post_init__()
        use_g1(self)
