"""SAC through skrl."""

from __future__ import annotations

from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.skrl_sac_recipe import skrl_sac


def franka_reach() -> PresetCfg:
    """Pose, and position alone."""
    # Rewards are below 0.01 a step; with this their discounted sum is of the order of 1.
    return skrl_sac("gaitway_reach_franka_sac", cpu_steps=24_000, cuda_steps=24_000, rewards_shaper_scale=20.0)
