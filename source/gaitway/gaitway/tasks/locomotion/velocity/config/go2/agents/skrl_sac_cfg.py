"""SAC through skrl."""

from __future__ import annotations

import dataclasses

from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.skrl_sac_recipe import CPU, CUDA, skrl_sac


def go2_flat() -> PresetCfg:
    """Flat ground."""
    # Rewards are about 0.03 a step when it walks; with this their discounted sum is of the order of 1.
    return skrl_sac(
        "gaitway_velocity_flat_go2_sac",
        cpu_steps=24_000,
        cuda_steps=24_000,
        discount_factor=0.97,
        target_std=0.15,
        rewards_shaper_scale=5.0,
    )


def go2_rough() -> PresetCfg:
    """Rough ground: larger networks for the height scan, and a memory that still fits."""
    return skrl_sac(
        "gaitway_velocity_rough_go2_sac",
        cpu_steps=72_000,
        cuda_steps=36_000,
        cpu=dataclasses.replace(CPU, memory_size=250_000, hidden_dims=(512, 256)),
        cuda=dataclasses.replace(CUDA, memory_size=2_000_000, hidden_dims=(768, 384, 192)),
        discount_factor=0.97,
        target_std=0.15,
        rewards_shaper_scale=5.0,
    )
