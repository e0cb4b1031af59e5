"""SAC through skrl."""

from __future__ import annotations

from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.skrl_sac_recipe import skrl_sac


def franka_lift() -> PresetCfg:
    """Grasp, lift and hold."""
    # Rewards are below 0.05 a step; with this their discounted sum is of the order of 1.
    return skrl_sac(
        "gaitway_lift_franka_sac", cpu_steps=48_000, cuda_steps=48_000, rewards_shaper_scale=5.0, discount_factor=0.98
    )
