"""Isaac Lab's ray caster, with what it lacks on PhysX outside Isaac Sim."""

from __future__ import annotations

import functools
import re
from typing import Any

import warp as wp
from isaaclab.sensors import RayCasterCfg
from isaaclab.sensors.ray_caster import RayCaster
from isaaclab.sensors.ray_caster.base_ray_caster import BaseRayCaster
from isaaclab.utils import configclass


@functools.cache
def _on_ovphysx(base: type) -> type:
    """A ray caster on OvPhysX whose rows are environments and whose ground is that of its own scene."""

    class HeightScanner(base):  # type: ignore[valid-type]
        def _initialize_pose_tracking(self) -> None:
            super()._initialize_pose_tracking()
            # PhysX sorts bodies by name, and env_10 comes before env_2 (Isaac Lab 3.0).
            paths = self._ovphysx_body_view.prim_paths
            rows = sorted(range(len(paths)), key=lambda row: [int(part) for part in re.findall(r"\d+", paths[row])])
            self._rows: wp.array = wp.array(rows, dtype=wp.int32, device=self._device)

        def _get_view_transforms_wp(self) -> wp.array:
            return super()._get_view_transforms_wp()[self._rows].contiguous()

        def _initialize_warp_meshes(self) -> None:
            # Meshes are kept by path as long as any ray caster lives, also one of an earlier scene.
            for path in self.cfg.mesh_prim_paths:
                BaseRayCaster.meshes.pop((path, self._device), None)
            super()._initialize_warp_meshes()

    return HeightScanner


def height_scanner(cfg: RayCasterCfg) -> Any:
    """Make the ray caster of the engine that runs."""
    kind = RayCaster.resolve_class(cfg)
    return (_on_ovphysx(kind) if RayCaster._get_backend(cfg) == "ovphysx" else kind)(cfg)


@configclass
class HeightScannerCfg(RayCasterCfg):
    """Configuration of a ray caster on any engine."""

    class_type = height_scanner
