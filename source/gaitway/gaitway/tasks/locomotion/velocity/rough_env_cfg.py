"""Velocity on rough ground: what differs from flat ground."""

from __future__ import annotations

from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import SceneEntityCfg
from isaaclab.managers import TerminationTermCfg as DoneTerm
from isaaclab.sensors import patterns
from isaaclab.sim import SimulationCfg
from isaaclab.terrains import TerrainImporterCfg
from isaaclab.utils import configclass
from isaaclab.utils.noise import UniformNoiseCfg as Unoise
from isaaclab_newton.physics import NewtonCfg
from isaaclab_tasks.core.velocity import mdp as velocity_mdp

from gaitway import mdp
from gaitway.physics.presets import LeggedPhysicsCfg
from gaitway.tasks.defaults import auto_device, material_cfg
from gaitway.tasks.locomotion.velocity.height_scanner import HeightScannerCfg
from gaitway.tasks.locomotion.velocity.terrain import ROUGH_TERRAIN_CFG
from gaitway.tasks.locomotion.velocity.velocity_env_cfg import (
    CriticObsCfg,
    CurriculumCfg,
    ObservationsCfg,
    PolicyObsCfg,
    RewardsCfg,
    TerminationsCfg,
    VelocityEnvCfg,
    VelocitySceneCfg,
    policy_by_level,
)
from gaitway.tasks.randomisation import variants


@configclass
class RoughPhysicsCfg(LeggedPhysicsCfg):
    """Engines for a legged robot on rough ground.

    - No contact gap: MuJoCo (3.12) raises a height field by the gaps of the two shapes, and a robot stands on air.
    - No friction where no material says so: that is the height field, which Isaac Lab (3.0) makes without the material
      of its mesh.
    """

    def __post_init__(self):
        self.make_room(contacts=96)
        for engine in vars(self).values():
            if isinstance(engine, NewtonCfg):
                engine.default_shape_cfg.gap = 0.0
                engine.default_shape_cfg.mu = 0.0

    def make_room(self, contacts: int) -> None:
        """Let MuJoCo have all contacts at once, since before its first reset a robot is under the ground.

        Args:
            contacts: Most contacts, about five for each collision shape and eight for a box. Each has 4 rows.
        """
        for engine in vars(self).values():
            if isinstance(engine, NewtonCfg):
                engine.solver_cfg.njmax, engine.solver_cfg.nconmax = 4 * contacts + 16, contacts


@configclass
class RoughSceneCfg(VelocitySceneCfg):
    """A legged robot on rough ground, with the heights around it."""

    ground = None
    terrain = TerrainImporterCfg(
        prim_path="/World/ground",
        terrain_type="generator",
        terrain_generator=ROUGH_TERRAIN_CFG,
        max_init_terrain_level=3,
        physics_material=material_cfg(0.0, combine="max"),  # as on flat ground
        visual_material=None,
    )
    height_scanner = HeightScannerCfg(
        prim_path="{ENV_REGEX_NS}/Robot/base",
        spawn=None,
        offset=HeightScannerCfg.OffsetCfg(pos=(0.0, 0.0, 20.0)),
        ray_alignment="yaw",
        pattern_cfg=patterns.GridPatternCfg(resolution=0.1, size=(1.6, 1.0)),
        mesh_prim_paths=["/World/ground"],
        global_world_only=True,
    )


def height_scan(noise: float) -> ObsTerm:
    """How far the ground lies below the base, less half a metre.

    Args:
        noise: Largest error of a height. Unit: m.
    """
    return ObsTerm(
        func=mdp.height_scan,
        params={"sensor_cfg": SceneEntityCfg("height_scanner"), "offset": 0.5},
        noise=Unoise(n_min=-noise, n_max=noise) if noise else None,
        clip=(-1.0, 1.0),
    )


@configclass
class RoughPolicyObsCfg(PolicyObsCfg):
    """What a real robot measures or estimates, with a map of heights."""

    height_scan = height_scan(noise=0.1)


@configclass
class RoughCriticObsCfg(CriticObsCfg):
    """The same without noise, and what only a simulator knows. Heights in the world frame say nothing here."""

    base_height = None
    height_scan = height_scan(noise=0.0)


@configclass
class RoughObservationsCfg(ObservationsCfg):
    """Observations."""

    policy: RoughPolicyObsCfg = policy_by_level(RoughPolicyObsCfg)
    critic: RoughCriticObsCfg = RoughCriticObsCfg()


@configclass
class RoughRewardsCfg(RewardsCfg):
    """As on flat ground; the trunk may tilt and rise with the ground."""

    def __post_init__(self):
        self.lin_vel_z.weight = -1.0
        self.flat_orientation.weight = -0.5
        # Above the mean of the scanned ground, which is not quite the ground between the feet.
        self.base_height.weight = -10.0
        self.base_height.params["sensor_cfg"] = SceneEntityCfg("height_scanner")


@configclass
class RoughTerminationsCfg(TerminationsCfg):
    """As on flat ground, and where the ground ends."""

    # A metre, for the scan reaches 0.94 m from the base.
    left_terrain = DoneTerm(func=velocity_mdp.terrain_out_of_bounds, time_out=True, params={"distance_buffer": 1.0})


@configclass
class RoughCurriculumCfg(CurriculumCfg):
    """Judges episodes; ground gets harder for those who get far, and easier for those who do not."""

    terrain_levels = CurrTerm(func=velocity_mdp.terrain_levels_vel)


@configclass
class VelocityRoughEnvCfg(VelocityEnvCfg):
    """Walk on rough ground."""

    sim: SimulationCfg = SimulationCfg(dt=0.005, device=auto_device(), physics=RoughPhysicsCfg())
    scene: RoughSceneCfg = RoughSceneCfg(num_envs=4096, env_spacing=2.5)
    observations: RoughObservationsCfg = RoughObservationsCfg()
    rewards: RoughRewardsCfg = RoughRewardsCfg()
    terminations: RoughTerminationsCfg = RoughTerminationsCfg()
    curriculum: RoughCurriculumCfg = RoughCurriculumCfg()

    def __post_init__(self):
        super().__post_init__()
        self.scene.height_scanner.update_period = self.decimation * self.sim.dt
        # Legs may begin 3 cm too long. On a plane a foot is pushed out; in a height field it stays where it is.
        for events in variants(self.events):
            events.reset_base.params["pose_range"]["z"] = (0.05, 0.05)

    def play_mode(self):
        """Play as on flat ground, on half the levels, each robot on one of its own."""
        super().play_mode()
        self.scene.terrain.terrain_generator.num_rows = 5
        self.scene.terrain.max_init_terrain_level = None
        self.curriculum.terrain_levels = None

    def use_legs(self, base: str, feet: str, height: float) -> None:
        """Fill in the names that terms need.

        Args:
            base: Name of the trunk.
            feet: Pattern of the feet.
            height: Height of the trunk when standing. Unit: m.
        """
        super().use_legs(base, feet, height)
        self.scene.height_scanner.prim_path = f"{{ENV_REGEX_NS}}/Robot/{base}"
