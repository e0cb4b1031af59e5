"""Turn a cube in the Allegro hand."""

from __future__ import annotations

from isaaclab.managers import SceneEntityCfg
from isaaclab.utils import configclass, replace

from gaitway import mdp
from gaitway.robots.allegro import ALLEGRO_CFG, FINGERTIP_NAMES
from gaitway.tasks.manipulation.reorient.reorient_env_cfg import ReorientEnvCfg
from gaitway.tasks.randomisation import by_level


@configclass
class AllegroReorientEnvCfg(ReorientEnvCfg):
    """A cube of 65 mm, turned by three fingers and a thumb."""

    def __post_init__(self):
        super().__post_init__()
        self.scene.robot = replace(ALLEGRO_CFG, prim_path="{ENV_REGEX_NS}/Robot")
        self.actions.arm_action = mdp.DelayedJointPositionActionCfg(
            asset_name="robot",
            joint_names=[".*"],
            scale=0.5,
            use_default_offset=True,
            delay=by_level(none=(0.0, 0.0), standard=(0.0, 0.01), hard=(0.0, 0.025)),
        )
        self.use_arm([".*"], "palm_link")
        fingertips = SceneEntityCfg("robot", body_names=list(FINGERTIP_NAMES))
        self.observations.critic.fingertips.params["asset_cfg"] = fingertips
