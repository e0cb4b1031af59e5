"""Primitive colliders fitted to a robot's collision meshes.

Engines collide spheres, capsules and boxes several times faster than meshes, and more smoothly. Each mesh is replaced
by the primitive whose surface lies nearest to that of its convex hull, which is what engines collide of a mesh; how
near is measured in both directions and kept beside the shape.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from .assets import COLLIDER_KINDS
from .urdf import AssetError, read_origin

if TYPE_CHECKING:
    from trimesh import Trimesh

SAMPLES = 1500
"""Surface points a fit is made on, and measured on."""
*KINDS, MESH = COLLIDER_KINDS
"""Primitives, the cheapest to collide first; and what stands in place of one where the mesh stays."""
TOUCHING = 1e-3
"""What lies this near to a shape that it cannot move against is taken as covered by it. Unit: m."""
LEAST_BARE = 0.25
"""Share of a surface that must be bare for a sphere to be fitted to that part alone."""


@dataclass(frozen=True)
class FitError:
    """How far the surfaces of a primitive and of a mesh lie apart. Unit: m."""

    sticks_out_max: float
    """Largest distance of the primitive's surface from the mesh, where it is outside the mesh."""
    sticks_out_rms: float
    """Root mean square of that distance over the primitive's surface, 0 where it is inside."""
    falls_short_max: float
    """Largest distance of the mesh's surface from the primitive, where it is outside the primitive."""
    falls_short_rms: float
    """Root mean square of that distance over the mesh's surface, 0 where it is inside."""

    @property
    def rms(self) -> float:
        """Both directions in one number, by which kinds of primitives are compared."""
        return float(np.hypot(self.sticks_out_rms, self.falls_short_rms))

    def millimetres(self) -> dict[str, float]:
        """The numbers by name. Unit: mm."""
        return {f"{name}_mm": 1e3 * value for name, value in vars(self).items()}


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

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance of points from the surface, negative inside.

        Args:
            points: Shape is (n, 3). Unit: m, link frame.

        Returns:
            Shape is (n,). Unit: m.
        """
        local = (points - self.position) @ self.rotation
        if self.kind == "box":
            q = np.abs(local) - self.size
            return np.linalg.norm(np.maximum(q, 0.0), axis=1) + np.minimum(q.max(axis=1), 0.0)
        if self.kind == "capsule":
            local[:, 2] -= np.clip(local[:, 2], -self.size[1], self.size[1])
        return np.linalg.norm(local, axis=1) - self.size[0]

    def surface(self, n: int) -> np.ndarray:
        """About n points, spread evenly over the surface on a golden-ratio lattice.

        Returns:
            Shape is (about n, 3). Unit: m, link frame.
        """
        golden = (5**0.5 - 1) / 2
        if self.kind == "box":
            extents = np.array(self.size, dtype=float)
            area = extents.prod() / extents
            faces: list[np.ndarray] = []
            for axis in range(3):
                count = max(round(n / 2 * area[axis] / area.sum()), 1)
                step = np.arange(count) + 0.5
                face = np.ones((count, 3))
                face[:, [(axis + 1) % 3, (axis + 2) % 3]] = 2 * np.column_stack([step / count, step * golden % 1]) - 1
                faces += [face * extents, -face * extents]
            local = np.vstack(faces)
        else:
            radius, half = self.size if self.kind == "capsule" else (self.size[0], 0.0)
            # Slices of equal height have equal areas, on the caps too (Archimedes).
            i = np.arange(n) + 0.5
            z = (radius + half) * (2 * i / n - 1)
            rim = np.sqrt(np.maximum(radius**2 - np.maximum(np.abs(z) - half, 0) ** 2, 0))
            turn = 2 * np.pi * golden * i
            local = np.column_stack([rim * np.cos(turn), rim * np.sin(turn), z])
        return local @ self.rotation.T + self.position

    def corners(self) -> np.ndarray:
        """Corners, where a box sticks out furthest. Shape is (8, 3), or (0, 3) for what is round. Unit: m."""
        if self.kind != "box":
            return np.empty((0, 3))
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
        return signs * np.asarray(self.size) @ self.rotation.T + self.position


@dataclass(frozen=True)
class Fit:
    """A primitive, and how well it stands for its mesh."""

    shape: Primitive
    error: FitError


# -- errors -----------------------------------------------------------------------------------------


def plane_distance(hull: Trimesh, points: np.ndarray) -> np.ndarray:
    """Signed distance of points from the planes of a convex mesh's faces. Shape is (n, faces). Unit: m."""
    normals = np.asarray(hull.face_normals)
    return points @ normals.T - (normals * hull.triangles[:, 0]).sum(axis=1)


def hull_distance(hull: Trimesh, points: np.ndarray) -> np.ndarray:
    """Signed distance of points from the surface of a convex mesh, negative inside.

    Args:
        hull: A convex mesh. Unit: m.
        points: Shape is (n, 3). Unit: m.

    Returns:
        Shape is (n,). Unit: m.
    """
    from trimesh.triangles import closest_point

    planes = plane_distance(hull, points)
    # Inside, the nearest plane is the nearest surface.
    distance = planes.max(axis=1)
    outside = np.flatnonzero(distance > 0.0)
    if len(outside):
        planes, points, triangles = planes[outside], points[outside], np.asarray(hull.triangles)
        # Outside, the nearest point is on a face that the point sees, and no further than the nearest vertex.
        bound = cKDTree(hull.vertices).query(points)[0]
        near, faces = np.nonzero((planes > 0.0) & (planes <= 1.001 * bound[:, None]))
        middle = triangles.mean(axis=1)
        reach = np.linalg.norm(triangles - middle[:, None], axis=2).max(axis=1)
        close = np.linalg.norm(points[near] - middle[faces], axis=1) - reach[faces] <= 1.001 * bound[near]
        near, faces = near[close], faces[close]
        ends = closest_point(triangles[faces], points[near])
        np.minimum.at(bound, near, np.linalg.norm(ends - points[near], axis=1))
        distance[outside] = bound
    return distance


def fit_error(shape: Primitive, hull: Trimesh, neighbours: Sequence[Trimesh] = (), seed: int = 0) -> FitError:
    """Measure how far a primitive and the mesh that it stands for lie apart, both ways.

    Both surfaces are sampled at :data:`SAMPLES` points; the largest distances are also sought at corners and vertices.

    Args:
        shape: The primitive.
        hull: The convex hull of the mesh, in the same frame. Unit: m.
        neighbours: Convex meshes that cannot move against this one, in the same frame. What they cover of either
            surface touches nothing and does not count.
        seed: Of the samples on the mesh; those on the primitive are a lattice.
    """
    import trimesh

    def short(points: np.ndarray) -> np.ndarray:
        bare = points[~covered(points, neighbours)]
        return np.maximum(shape.distance(bare), 0.0)

    def out(points: np.ndarray) -> np.ndarray:
        bare = points[~covered(points, neighbours)]
        return np.maximum(np.min([hull_distance(h, bare) for h in (hull, *neighbours)], axis=0), 0.0)

    falls_short = short(np.asarray(trimesh.sample.sample_surface(hull, SAMPLES, seed=seed)[0]))
    sticks_out = out(shape.surface(SAMPLES))
    return FitError(
        sticks_out_max=float(max(sticks_out.max(initial=0.0), out(shape.corners()).max(initial=0.0))),
        sticks_out_rms=_rms(sticks_out),
        falls_short_max=float(max(falls_short.max(initial=0.0), short(hull.vertices).max(initial=0.0))),
        falls_short_rms=_rms(falls_short),
    )


def covered(points: np.ndarray, neighbours: Sequence[Trimesh]) -> np.ndarray:
    """Whether each point lies in one of the convex meshes or touches it. Shape is (n,)."""
    found = np.full(len(points), False)
    for other in neighbours:
        found |= plane_distance(other, points).max(axis=1) < TOUCHING
    return found


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean())) if len(values) else 0.0


# -- fits -------------------------------------------------------------------------------------------


def fit_primitive(points: np.ndarray, kind: str) -> Primitive:
    """Fit a primitive to points on a surface, by least squares of their distances from the primitive's.

    Args:
        points: Surface points. Shape is (n, 3). Unit: m.
        kind: The kind of primitive.
    """
    from trimesh.bounds import oriented_bounds

    if kind == "box":
        # The tightest box around: principal axes say nothing of a square plate.
        to_box, extents = oriented_bounds(points)
        from_box = np.linalg.inv(to_box)
        x0 = np.r_[from_box[:3, 3], Rotation.from_matrix(from_box[:3, :3]).as_rotvec(), extents / 2]
    else:
        centre = points.mean(axis=0)
        axes = np.linalg.svd(points - centre, full_matrices=False)[2]
        local = (points - centre) @ axes.T
        low, high = local.min(axis=0), local.max(axis=0)
        middle, half = centre + (low + high) / 2 @ axes, (high - low) / 2
        radius = half[1:].mean()
        reach = max(half[0] - radius, 0.1 * radius) * axes[0]
        x0 = np.r_[middle, half.mean()] if kind == "sphere" else np.r_[middle - reach, middle + reach, radius]
    x = least_squares(_distance, x0, args=(points, kind), method="lm", max_nfev=600).x
    return _primitive(kind, x)


def _distance(x: np.ndarray, points: np.ndarray, kind: str) -> np.ndarray:
    """Distance from a primitive given by free numbers: no constraint between them, no singularity in a fit."""
    if kind == "capsule":
        start, axis = x[:3], x[3:6] - x[:3]
        t = np.clip((points - start) @ axis / max(axis @ axis, 1e-12), 0.0, 1.0)
        return np.linalg.norm(points - start - t[:, None] * axis, axis=1) - x[6]
    return _primitive(kind, x).distance(points)


def _primitive(kind: str, x: np.ndarray) -> Primitive:
    if kind == "sphere":
        return Primitive("sphere", (abs(x[3]),), np.eye(3), x[:3])
    if kind == "capsule":
        axis = x[3:6] - x[:3]
        length = max(float(np.linalg.norm(axis)), 1e-9)
        rotation, _ = Rotation.align_vectors([axis / length], [[0.0, 0.0, 1.0]])
        return Primitive("capsule", (abs(x[6]), length / 2), rotation.as_matrix(), (x[:3] + x[3:6]) / 2)
    return Primitive("box", tuple(np.abs(x[6:9])), Rotation.from_rotvec(x[3:6]).as_matrix(), x[:3])


def fit_mesh(hull: Trimesh, kind: str | None = None, neighbours: Sequence[Trimesh] = ()) -> Fit:
    """Fit primitives to a convex mesh, and return the nearest.

    Args:
        hull: The convex mesh. Unit: m.
        kind: Fit this kind only.
        neighbours: Convex meshes that cannot move against this one, in the same frame. What they cover touches nothing.
    """
    import trimesh

    points = np.asarray(trimesh.sample.sample_surface(hull, SAMPLES, seed=0)[0])
    bare = points[~covered(points, neighbours)]
    best: Fit | None = None
    for name in KINDS if kind is None else (kind,):
        # A ball that is cut where it meets its neighbour is found from the rest of it. The ends of a capsule and the
        # faces of a box are not, so these are fitted to the whole.
        shape = fit_primitive(bare if name == "sphere" and len(bare) > LEAST_BARE * SAMPLES else points, name)
        # Not the points of the fit.
        fit = Fit(shape, fit_error(shape, hull, neighbours, seed=1))
        # A simpler shape is cheaper to collide: a later one must be clearly nearer.
        if best is None or fit.error.rms < 0.8 * best.error.rms:
            best = fit
    assert best is not None
    return best


# -- robots -----------------------------------------------------------------------------------------


def replace_mesh_colliders(
    tree: ET.ElementTree[ET.Element], kinds: dict[str, str] | None = None
) -> dict[str, list[Fit]]:
    """Take the mesh colliders out of a loaded URDF and return a primitive for each.

    Args:
        tree: The URDF; changed in place.
        kinds: The kind of primitive for the links that match a pattern, or ``mesh`` where the mesh stays; the nearest
            kind for all others.

    Returns:
        The primitives by link name, each in the frame of its link. Colliders that are primitives already stay.
    """
    links = {link.get("name", ""): link for link in tree.getroot().findall("link")}
    hulls = {name: [_hull(c) for c in _mesh_colliders(link)] for name, link in links.items()}
    fitted: dict[Any, Fit] = {}
    found: dict[str, list[Fit]] = {}
    for name, link in links.items():
        kind = next((k for pattern, k in (kinds or {}).items() if re.fullmatch(pattern, name)), None)
        if kind == MESH:
            continue
        welded = _welded_to(tree, name)
        for i, collision in enumerate(_mesh_colliders(link)):
            neighbours = [h for j, h in enumerate(hulls[name]) if j != i]
            for other, (rotation, position) in welded.items():
                neighbours += [_moved(h, rotation, position) for h in hulls[other]]
            hull = hulls[name][i]
            key = (kind, *(h.vertices.tobytes() for h in (hull, *neighbours)))
            if key not in fitted:
                fitted[key] = fit_mesh(hull, kind, neighbours)
            found.setdefault(name, []).append(fitted[key])
            link.remove(collision)
    return found


def _mesh_colliders(link: ET.Element) -> list[ET.Element]:
    return [c for c in link.findall("collision") if c.find("geometry/mesh") is not None]


def _hull(collision: ET.Element) -> Trimesh:
    """The convex hull of a mesh collider, in the frame of its link."""
    import trimesh

    mesh = collision.find("geometry/mesh")
    assert mesh is not None
    file, scale = mesh.get("filename", ""), [float(x) for x in mesh.get("scale", "1 1 1").split()]
    try:
        # The outer surface is what touches; a mesh may carry inner walls.
        hull = trimesh.load(file, force="mesh").apply_scale(scale).convex_hull
    except Exception as error:
        raise AssetError(f"{Path(file)}: not readable as a mesh ({error}).") from error
    return _moved(hull, *read_origin(collision))


def _moved(hull: Trimesh, rotation: np.ndarray, position: np.ndarray) -> Trimesh:
    moved = hull.copy()
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, position
    moved.apply_transform(pose)
    return moved


def _welded_to(tree: ET.ElementTree[ET.Element], link: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Poses of the links that fixed joints hold to a link, in its frame."""
    fixed = [j for j in tree.getroot().findall("joint") if j.get("type") == "fixed"]
    ends = [[j.find(end).get("link", "") for end in ("parent", "child")] for j in fixed]  # type: ignore[union-attr]
    found = {link: (np.eye(3), np.zeros(3))}
    queue = [link]
    while queue:
        here = queue.pop()
        rotation, position = found[here]
        for joint, (parent, child) in zip(fixed, ends, strict=True):
            turn, shift = read_origin(joint)
            if parent == here and child not in found:
                found[child] = (rotation @ turn, rotation @ shift + position)
                queue.append(child)
            elif child == here and parent not in found:
                found[parent] = (rotation @ turn.T, position - rotation @ turn.T @ shift)
                queue.append(parent)
    del found[link]
    return found
