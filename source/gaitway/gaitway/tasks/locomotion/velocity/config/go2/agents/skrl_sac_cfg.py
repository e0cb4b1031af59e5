"""SAC through skrl: the recipes of all legged robots."""

from __future__ import annotations

from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.locomotion.velocity.recipes import flat_skrl_sac, rough_skrl_sac


def go2_flat() -> PresetCfg:
    """Flat ground."""
    return flat_skrl_sac("gaitway_velocity_flat_go2_sac")


def go2_rough() -> PresetCfg:
    """Rough ground."""
    return rough_skrl_sac("gaitway_velocity_rough_go2_sac")
