"""Primitive colliders fitted to a robot's collision meshes.

Engines collide spheres, capsules and boxes several times faster than meshes, and more smoothly. Each mesh is replaced
by the primitive whose surface lies nearest to its own; how near is kept beside the shape.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from .urdf import AssetError, read_origin

SAMPLES = 1500
"""Surface points a fit is made on."""


@dataclass(frozen=True)
class Primitive:
    """A collision shape in the frame of its link."""

    kind: Literal["sphere", "capsule", "box"]
    size: tuple[float, ...]
    """Sphere: radius. Capsule: radius, half length of the axis without caps. Box: half extents. Unit: m."""
    rotation: np.ndarray
    """Shape is (3, 3); a capsule's axis is z."""
    position: np.ndarray
    """Shape is (3,). Unit: m."""
    rms_error: float
    """Root mean square distance of the mesh's surface from the primitive's. Unit: m."""
    max_error: float
    """Largest such distance. Unit: m."""


def _sphere(x: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.linalg.norm(p - x[:3], axis=1) - x[3]


def _capsule(x: np.ndarray, p: np.ndarray) -> np.ndarray:
    start, axis = x[:3], x[3:6] - x[:3]
    t = np.clip((p - start) @ axis / max(axis @ axis, 1e-12), 0.0, 1.0)
    return np.linalg.norm(p - start - t[:, None] * axis, axis=1) - x[6]


def _box(x: np.ndarray, p: np.ndarray) -> np.ndarray:
    q = np.abs(Rotation.from_rotvec(x[3:6]).inv().apply(p - x[:3])) - np.abs(x[6:9])
    return np.linalg.norm(np.maximum(q, 0.0), axis=1) + np.minimum(q.max(axis=1), 0.0)


def fit_primitive(points: np.ndarray, kind: str | None = None) -> Primitive:
    """Fit a sphere, a capsule and a box to points on a surface, and return the nearest.

    Args:
        points: Surface points. Shape is (n, 3). Unit: m.
        kind: Fit this kind only.
    """
    centre = points.mean(axis=0)
    axes = np.linalg.svd(points - centre, full_matrices=False)[2]
    axes[2] = np.cross(axes[0], axes[1])
    local = (points - centre) @ axes.T
    low, high = local.min(axis=0), local.max(axis=0)
    middle, half = centre + (low + high) / 2 @ axes, (high - low) / 2
    radius = half[1:].mean()
    reach = max(half[0] - radius, 0.1 * radius) * axes[0]
    rotvec = Rotation.from_matrix(axes.T).as_rotvec()
    starts = {
        "sphere": (_sphere, np.r_[middle, half.mean()]),
        "capsule": (_capsule, np.r_[middle - reach, middle + reach, radius]),
        "box": (_box, np.r_[middle, rotvec, half]),
    }
    best: Primitive | None = None
    for name, (distance, x0) in starts.items():
        if kind not in (None, name):
            continue
        x = least_squares(distance, x0, args=(points,), max_nfev=60).x
        error = np.abs(distance(x, points))
        rms = float(np.sqrt((error**2).mean()))
        # A simpler shape is cheaper to collide: a later one must be clearly nearer.
        if best is None or rms < 0.8 * best.rms_error:
            kind_, size, rotation, position = _pose(name, x)
            best = Primitive(kind_, size, rotation, position, rms, float(error.max()))
    assert best is not None
    return best


def _pose(kind: str, x: np.ndarray) -> tuple[Any, tuple[float, ...], np.ndarray, np.ndarray]:
    if kind == "sphere":
        return kind, (abs(x[3]),), np.eye(3), x[:3]
    if kind == "capsule":
        axis = x[3:6] - x[:3]
        length = np.linalg.norm(axis)
        rotation, _ = Rotation.align_vectors([axis / length], [[0.0, 0.0, 1.0]])
        return kind, (abs(x[6]), length / 2), rotation.as_matrix(), (x[:3] + x[3:6]) / 2
    return kind, tuple(np.abs(x[6:9])), Rotation.from_rotvec(x[3:6]).as_matrix(), x[:3]


def replace_mesh_colliders(
    tree: ET.ElementTree[ET.Element], kinds: dict[str, str] | None = None
) -> dict[str, list[Primitive]]:
    """Take the mesh colliders out of a loaded URDF and return a primitive for each.

    Args:
        tree: The URDF; changed in place.
        kinds: The kind of primitive for the links that match a pattern; the nearest kind for all others.

    Returns:
        The primitives by link name, each in the frame of its link. Colliders that are primitives already stay.
    """
    import trimesh

    fitted: dict[str, Primitive] = {}
    found: dict[str, list[Primitive]] = {}
    for link in tree.getroot().findall("link"):
        name = link.get("name", "")
        kind = next((k for pattern, k in (kinds or {}).items() if re.fullmatch(pattern, name)), None)
        for collision in link.findall("collision"):
            mesh = collision.find("geometry/mesh")
            if mesh is None:
                continue
            file, scale = mesh.get("filename", ""), [float(x) for x in mesh.get("scale", "1 1 1").split()]
            key = f"{file} {scale} {kind}"
            if key not in fitted:
                try:
                    # The outer surface is what touches; a mesh may carry inner walls.
                    hull = trimesh.load(file, force="mesh").convex_hull
                except Exception as error:
                    raise AssetError(f"{Path(file)}: not readable as a mesh ({error}).") from error
                points, _ = trimesh.sample.sample_surface(hull, SAMPLES, seed=0)
                fitted[key] = fit_primitive(np.asarray(points) * scale, kind)
            shape = fitted[key]
            rotation, position = read_origin(collision)
            found.setdefault(name, []).append(
                Primitive(
                    shape.kind,
                    shape.size,
                    rotation @ shape.rotation,
                    rotation @ shape.position + position,
                    shape.rms_error,
                    shape.max_error,
                )
            )
            link.remove(collision)
    return found
