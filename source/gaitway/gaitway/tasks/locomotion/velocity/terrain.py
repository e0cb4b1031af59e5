"""Rough ground: slopes, stairs, obstacles, waves and rubble, from easy to hard.

All sub-terrains are height fields, so that Newton collides with a height field instead of a triangle mesh.
"""

from __future__ import annotations

import isaaclab.terrains as terrains
import numpy as np
import trimesh
from isaaclab.terrains.height_field.hf_terrains import random_uniform_terrain, wave_terrain
from isaaclab.terrains.height_field.utils import height_field_to_mesh
from isaaclab.terrains.terrain_generator import TerrainGenerator
from isaaclab.utils import configclass


class HeightFieldTerrainGenerator(TerrainGenerator):
    """Isaac Lab's generator, the same for the same seed, and with its lowest point at z = 0.

    Isaac Lab's height fields draw from NumPy's global generator, which the seed of the config does not reach.

    Newton puts a height field into MuJoCo with its lowest point 0.1 mm above its base, and places the base at z = 0
    wherever the ground lies (1.6.1, with MuJoCo's own contacts). So the ground is raised, and a rim around it goes
    deeper than any place where robots are.
    """

    def __init__(self, cfg: HeightFieldTerrainGeneratorCfg, device: str = "cpu"):
        state = np.random.get_state()
        np.random.seed(cfg.seed)
        try:
            super().__init__(cfg, device)
        finally:
            np.random.set_state(state)
        ground: trimesh.Trimesh = self.terrain_mesh  # type: ignore[has-type]
        ground.remove_unreferenced_vertices()
        rise = cfg.rim_depth - ground.vertices[:, 2].min()
        ground.apply_translation((0.0, 0.0, rise))
        self.terrain_origins[..., 2] += rise
        for patches in self.flat_patches.values():
            patches[..., 2] += rise
        self.terrain_mesh = trimesh.util.concatenate([ground, _rim(ground, cfg.horizontal_scale)])


def _rim(ground: trimesh.Trimesh, width: float) -> trimesh.Trimesh:
    """A frame that falls from the edges of the ground to z = 0."""
    (x0, y0, _), (x1, y1, _) = ground.bounds
    edge = ground.vertices[np.argmax(ground.vertices[:, 0] + ground.vertices[:, 1]), 2]
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    inner = [(x1 if sx > 0 else x0, y1 if sy > 0 else y0, edge) for sx, sy in corners]
    outer = [(x + sx * width, y + sy * width, 0.0) for (x, y, _), (sx, sy) in zip(inner, corners, strict=True)]
    sides = [(i, (i + 1) % 4) for i in range(4)]
    faces = [face for i, j in sides for face in ((4 + i, 4 + j, j), (4 + i, j, i))]
    return trimesh.Trimesh(np.array(inner + outer), np.array(faces), process=False)


@configclass
class HeightFieldTerrainGeneratorCfg(terrains.TerrainGeneratorCfg):
    """Configuration of :class:`HeightFieldTerrainGenerator`."""

    class_type: type = HeightFieldTerrainGenerator
    seed: int = 0
    rim_depth: float = 0.5
    """How far the rim goes below the lowest point of the ground. Unit: m."""


def rubble(difficulty: float, cfg: RubbleTerrainCfg) -> tuple[list[trimesh.Trimesh], np.ndarray]:
    """Random heights that grow with the difficulty; those of Isaac Lab's do not.

    Args:
        difficulty: From 0 to 1.
        cfg: The configuration, a copy that may be changed.

    Returns:
        The mesh and its origin. Unit: m. Shape of the origin is (3,).
    """
    low, high = cfg.height_range
    cfg.noise_range = (0.0, low + difficulty * (high - low))
    return random_uniform_terrain(difficulty, cfg)


@configclass
class RubbleTerrainCfg(terrains.HfRandomUniformTerrainCfg):
    """Configuration of :func:`rubble`."""

    function = rubble
    noise_range: tuple[float, float] = (0.0, 0.0)
    """Set from the difficulty."""
    noise_step: float = 0.005
    height_range: tuple[float, float] = (0.01, 0.08)
    """Difference between the highest and the lowest point, at the least and the greatest difficulty. Unit: m."""


@height_field_to_mesh
def waves(difficulty: float, cfg: WavesTerrainCfg) -> tuple[np.ndarray, np.ndarray]:
    """Isaac Lab's waves around a flat place to begin on, over whose width they rise.

    Args:
        difficulty: From 0 to 1.
        cfg: The configuration.

    Returns:
        Heights in units of the vertical scale, shape is (cells, cells), and the origin, Unit: m, shape is (3,).
    """
    heights, origin = wave_terrain.__wrapped__(difficulty, cfg)
    away = [np.abs(np.arange(n) - 0.5 * (n - 1)) * cfg.horizontal_scale for n in heights.shape]
    share = np.clip(2.0 * np.maximum.outer(*away) / cfg.platform_width - 1.0, 0.0, 1.0)
    origin[2] = 0.0
    return np.rint(share * heights).astype(np.int16), origin


@configclass
class WavesTerrainCfg(terrains.HfWaveTerrainCfg):
    """Configuration of :func:`waves`."""

    function = waves
    platform_width: float = 1.6
    """Side of the flat square in the middle. Unit: m."""


# A tread of 0.31 m is 3 cells of 0.1 m; 0.3 / 0.1 is a little less than 3, and rounded down.
_STAIRS = {"step_height_range": (0.02, 0.14), "step_width": 0.31, "platform_width": 3.0}
_SLOPE = {"slope_range": (0.0, 0.4), "platform_width": 2.0}

ROUGH_TERRAIN_CFG = HeightFieldTerrainGeneratorCfg(
    curriculum=True,
    size=(8.0, 8.0),
    border_width=8.0,
    num_rows=10,
    num_cols=10,
    horizontal_scale=0.1,
    vertical_scale=0.005,
    # With a threshold, steep faces of the mesh become vertical: the mesh that PhysX has and the height field that
    # Newton has would differ by up to a cell.
    slope_threshold=None,
    sub_terrains={
        # Robots begin in the middle: on top of a pyramid, or at the bottom of an inverted one.
        "slope_down": terrains.HfPyramidSlopedTerrainCfg(proportion=0.1, **_SLOPE),
        "slope_up": terrains.HfInvertedPyramidSlopedTerrainCfg(proportion=0.1, **_SLOPE),
        "rubble": RubbleTerrainCfg(proportion=0.2),
        "stairs_down": terrains.HfPyramidStairsTerrainCfg(proportion=0.2, **_STAIRS),
        "stairs_up": terrains.HfInvertedPyramidStairsTerrainCfg(proportion=0.2, **_STAIRS),
        "obstacles": terrains.HfDiscreteObstaclesTerrainCfg(
            proportion=0.1,
            obstacle_height_range=(0.02, 0.15),
            obstacle_width_range=(0.4, 1.3),
            num_obstacles=30,
            platform_width=2.0,
        ),
        "waves": WavesTerrainCfg(proportion=0.1, amplitude_range=(0.02, 0.25), num_waves=3),
    },
)
"""Ten levels of difficulty along x, sub-terrains side by side along y: 80 m by 80 m and a flat border of 8 m."""
