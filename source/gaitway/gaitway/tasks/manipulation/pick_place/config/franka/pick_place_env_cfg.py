"""Pick and place with the Franka Panda and its two-finger gripper."""

from __future__ import annotations

from isaaclab.utils import configclass

from gaitway.tasks.manipulation.grasping import use_franka_from_above
from gaitway.tasks.manipulation.pick_place.pick_place_env_cfg import (
    PickPlaceEnvCfg,
    PickPlaceSparseEnvCfg,
    PickPlaceStagedEnvCfg,
)


@configclass
class FrankaPickPlaceEnvCfg(PickPlaceEnvCfg):
    """A dense reward."""

    def __post_init__(self):
        super().__post_init__()
        use_franka_from_above(self)


@configclass
class FrankaPickPlaceStagedEnvCfg(PickPlaceStagedEnvCfg):
    """A reward by stages."""

    def __post_init__(self):
        super().__post_init__()
        use_franka_from_above(self)


@configclass
class FrankaPickPlaceSparseEnvCfg(PickPlaceSparseEnvCfg):
    """A reward for success alone."""

    def __post_init__(self):
        super().__post_init__()
        use_franka_from_above(self)
