"""PhysX on machines without CUDA.

Isaac Lab 3.0 asks Warp for page-locked host memory wherever PhysX data live on the CPU. Page-locking is CUDA's, so
without a driver the request fails, although nothing there needs it.
"""

from __future__ import annotations

import functools
from typing import ClassVar

import isaaclab_ov.physics
import warp as wp
from isaaclab.app.sim_launcher import SimulationLauncher
from isaaclab.utils import configclass


def allow_pageable_host_arrays() -> bool:
    """Let Warp fall back to ordinary host memory where it cannot page-lock any.

    Does nothing where page-locking works, or where Warp falls back by itself. Safe to call again.

    Returns:
        Whether the fallback was needed.
    """
    wp.init()
    try:
        wp.empty(1, dtype=wp.float32, device="cpu", pinned=True)
        return False
    except RuntimeError:
        pass
    for name in ("zeros", "empty"):
        setattr(wp, name, _pageable(getattr(wp, name)))
    return True


def _pageable(allocate):
    @functools.wraps(allocate)
    def allocate_pageable(*args, pinned: bool = False, **kwargs):
        return allocate(*args, pinned=False, **kwargs)

    return allocate_pageable


class HostMemoryLauncher(SimulationLauncher):
    """Prepares the process before PhysX starts; Isaac Lab runs it since the physics config names it."""

    def __init__(self, launcher_args=None):
        super().__init__(launcher_args)
        allow_pageable_host_arrays()


@configclass
class OvPhysxCfg(isaaclab_ov.physics.OvPhysxCfg):
    """:class:`isaaclab_ov.physics.OvPhysxCfg` that also runs where there is no CUDA driver.

    It keeps the name, since Isaac Lab knows its engines by the name of their config.
    """

    launcher_type: ClassVar[str] = "gaitway.physics.ovphysx:HostMemoryLauncher"
