"""What skills of legged robots share beside walking: engines, scene, observations, what is left to chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING

from isaaclab.envs import ManagerBasedRLEnvCfg
from isaaclab.managers import EventTermCfg as EventTerm
from isaaclab.managers import ObservationGroupCfg as ObsGroup
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import SceneEntityCfg
from isaaclab.sim import SimulationCfg
from isaaclab.utils import configclass
from isaaclab.utils.noise import UniformNoiseCfg as Unoise
from isaaclab_newton.physics import NewtonCfg
from isaaclab_physx.physics import PhysxCfg
from isaaclab_tasks.utils import PresetCfg

from gaitway import mdp
from gaitway.physics.ovphysx import OvPhysxCfg
from gaitway.physics.presets import HAS_GPU, mjwarp, mujoco_cpu
from gaitway.tasks.defaults import auto_device, material_cfg
from gaitway.tasks.locomotion.velocity.velocity_env_cfg import EventsCfg, HardEventsCfg, VelocitySceneCfg
from gaitway.tasks.randomisation import by_level, only_resets, variants, without_randomisation

BASE, FEET = "<base>", "<feet>"
"""Stand for the trunk and the feet until a robot gives their names."""


@configclass
class SkillPhysicsCfg(PresetCfg):
    """Engines for a legged robot that lies, rolls and leaps: trunk and all legs may touch the ground at once."""

    newton_mjwarp: NewtonCfg = mjwarp(njmax=240, nconmax=60)
    mujoco_cpu: NewtonCfg = mujoco_cpu(njmax=240, nconmax=60)
    ovphysx: OvPhysxCfg = OvPhysxCfg(gpu_max_rigid_patch_count=10 * 2**15)
    isaacsim_physx: PhysxCfg = PhysxCfg(gpu_max_rigid_patch_count=10 * 2**15)
    default: NewtonCfg = newton_mjwarp if HAS_GPU else mujoco_cpu


def feet() -> SceneEntityCfg:
    """The feet, as bodies of the contact sensor, in the order in which a robot names them."""
    return SceneEntityCfg("contact_forces", body_names=[FEET], preserve_order=True)


@configclass
class SkillActionsCfg:
    """Joint position targets about the default pose, far enough to fold and stretch the legs."""

    joint_pos = mdp.DelayedJointPositionActionCfg(
        asset_name="robot",
        joint_names=[".*"],
        scale=0.5,
        use_default_offset=True,
        delay=by_level(none=(0.0, 0.0), standard=(0.0, 0.0), hard=(0.0, 0.02)),
    )


@configclass
class ProprioceptionCfg(ObsGroup):
    """What a gyroscope, an estimate of the vertical and the joints tell; and what was last asked of them."""

    base_ang_vel = ObsTerm(func=mdp.base_ang_vel, noise=Unoise(n_min=-0.2, n_max=0.2))
    projected_gravity = ObsTerm(func=mdp.projected_gravity, noise=Unoise(n_min=-0.05, n_max=0.05))
    joint_pos = ObsTerm(func=mdp.joint_pos_rel, noise=Unoise(n_min=-0.01, n_max=0.01))
    joint_vel = ObsTerm(func=mdp.joint_vel_rel, noise=Unoise(n_min=-1.5, n_max=1.5))
    actions = ObsTerm(func=mdp.last_action)

    def __post_init__(self):
        self.enable_corruption = True
        self.concatenate_terms = True


@configclass
class PrivilegedObsCfg(ObsGroup):
    """The same without noise, and what only a simulator knows."""

    base_ang_vel = ObsTerm(func=mdp.base_ang_vel)
    projected_gravity = ObsTerm(func=mdp.projected_gravity)
    joint_pos = ObsTerm(func=mdp.joint_pos_rel)
    joint_vel = ObsTerm(func=mdp.joint_vel_rel)
    actions = ObsTerm(func=mdp.last_action)
    base_lin_vel = ObsTerm(func=mdp.base_lin_vel)
    base_height = ObsTerm(func=mdp.base_pos_z)
    foot_contacts = ObsTerm(func=mdp.foot_contacts, params={"sensor_cfg": feet()})

    def __post_init__(self):
        self.enable_corruption = False
        self.concatenate_terms = True


def _of_trunk(term: EventTerm) -> EventTerm:
    term.params["asset_cfg"].body_names = BASE
    return term


@configclass
class SkillEventsCfg:
    """A robot that is known as well as in the velocity tasks; where an episode begins is the skill's to say."""

    foot_friction: EventTerm = EventsCfg().foot_friction
    base_mass: EventTerm = _of_trunk(EventsCfg().base_mass)
    motor_gains: EventTerm = EventsCfg().motor_gains
    motor_strength: EventTerm = EventsCfg().motor_strength

    def without_randomisation(self) -> SkillEventsCfg:
        """Leave only where an episode begins; return it."""
        return only_resets(self)


@configclass
class HardSkillEventsCfg(SkillEventsCfg):
    """A robot that is known as badly as in the velocity tasks at their hardest, without pushes."""

    base_com: EventTerm = _of_trunk(HardEventsCfg().base_com)

    def __post_init__(self):
        hard = HardEventsCfg()
        for name in ("foot_friction", "base_mass", "motor_gains", "motor_strength"):
            setattr(self, name, getattr(hard, name))
        _of_trunk(self.base_mass)


@configclass
class SkillEnvCfg(ManagerBasedRLEnvCfg):
    """A skill of a legged robot."""

    sim: SimulationCfg = SimulationCfg(dt=0.005, device=auto_device(), physics=SkillPhysicsCfg())
    scene: VelocitySceneCfg = VelocitySceneCfg(num_envs=4096, env_spacing=2.5)
    actions: SkillActionsCfg = SkillActionsCfg()
    events: SkillEventsCfg = MISSING

    def __post_init__(self):
        self.decimation = 4
        self.sim.render_interval = self.decimation
        # How an episode ended, for learners that value it.
        self.compute_final_obs = True
        # Once an env-step, on engines that take it in one piece and on those that do not.
        self.scene.contact_forces.update_period = self.sim.dt * self.decimation
        self.viewer.eye = (1.3, 1.3, 0.8)
        self.viewer.lookat = (0.0, 0.0, 0.2)

    def play_mode(self):
        """Play without noise and randomisation, unless they are asked for by a preset."""
        super().play_mode()
        without_randomisation(self)

    def use_legs(self, base: str, feet: Sequence[str]) -> None:
        """Fill in the names that terms need.

        Args:
            base: Name of the trunk.
            feet: Names of the feet.
        """
        levels = [group for part in (self.events, self.observations.policy) for group in variants(part)]
        groups = [*levels, self.observations.critic, self.rewards, self.terminations]
        terms = [term.params for group in groups for term in vars(group).values() if hasattr(term, "params")]
        for params in [*terms, self.curriculum.success.params["params"]]:
            for entity in params.values():
                if isinstance(entity, SceneEntityCfg) and entity.body_names == BASE:
                    entity.body_names = base
                elif isinstance(entity, SceneEntityCfg) and entity.body_names == [FEET]:
                    entity.body_names = list(feet)
        # Where friction is not drawn.
        self.scene.robot.spawn.physics_material = material_cfg(1.0)
