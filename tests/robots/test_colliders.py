"""Primitives for meshes: what fits, how well, and robots that keep their meshes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import newton_usd_schemas  # noqa: F401  before USD is first used, so that tests may run in any order
import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from pxr import Usd, UsdGeom
from scipy.spatial.transform import Rotation

from gaitway.robots.assets import AssetError, RobotAsset
from gaitway.robots.colliders import (
    KINDS,
    Primitive,
    fit_error,
    fit_mesh,
    fit_primitive,
    hull_distance,
    replace_mesh_colliders,
)
from gaitway.robots.franka import FRANKA_ASSET
from gaitway.robots.go2 import GO2_ASSET

ROBOTS = pytest.mark.parametrize("asset", [FRANKA_ASSET, GO2_ASSET], ids=lambda asset: asset.name)

length = st.floats(0.01, 0.3, allow_subnormal=False)
triple = st.tuples(*[st.floats(-1.0, 1.0, allow_subnormal=False)] * 3)


def primitive(kind: str, *size: float, at: Any = (0.0, 0.0, 0.0), turned: Any = (0.0, 0.0, 0.0)) -> Primitive:
    """A primitive of a kind and a size (as in ``Primitive.size``), at a position, turned by a rotation vector."""
    return Primitive(kind, size, Rotation.from_rotvec(turned).as_matrix(), np.array(at, dtype=float))  # type: ignore[arg-type]


@st.composite
def primitives(draw) -> Primitive:
    """Primitives in any pose, none flatter or longer than 30 to 1."""
    kind = draw(st.sampled_from(KINDS))
    size = [draw(length) for _ in range({"sphere": 1, "capsule": 2, "box": 3}[kind])]
    return primitive(kind, *size, at=draw(triple), turned=draw(triple))


def box(*half: float, at: Any = (0.0, 0.0, 0.0)) -> trimesh.Trimesh:
    """A box of given half extents, as a mesh."""
    return trimesh.creation.box(2 * np.array(half), transform=trimesh.transformations.translation_matrix(at))


# -- distances and errors ---------------------------------------------------------------------------


@settings(max_examples=50, deadline=None, derandomize=True)
@given(shape=primitives())
def test_points_of_a_surface_lie_on_it(shape: Primitive) -> None:
    np.testing.assert_allclose(shape.distance(shape.surface(200)), 0.0, atol=1e-12)
    np.testing.assert_allclose(shape.distance(shape.corners()), 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "share_above"),
    [
        # Areas above z = 0.5: of a ball 2πrh with h = r/2; of the capsule 2π·1·(0.5 + 1) of 4π + 4π; of the box, sides
        # 4·2·0.5 and the lid 4 of 24.
        (primitive("sphere", 1.0), 0.25),
        (primitive("capsule", 1.0, 1.0), 3 / 8),
        (primitive("box", 1.0, 1.0, 1.0), 8 / 24),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_points_are_spread_evenly_over_a_surface(shape: Primitive, share_above: float) -> None:
    assert (shape.surface(20_000)[:, 2] > 0.5).mean() == pytest.approx(share_above, abs=0.01)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(half=st.tuples(length, length, length), seed=st.integers(0, 1000))
def test_the_distance_from_a_mesh_of_a_box_is_that_from_the_box(half, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(-0.5, 0.5, (100, 3))
    theirs = primitive("box", *half).distance(points)
    np.testing.assert_allclose(hull_distance(box(*half), points), theirs, atol=1e-9)


def test_the_error_of_a_ball_inside_a_cube() -> None:
    error = fit_error(primitive("sphere", 1.0), box(1, 1, 1))
    assert (error.sticks_out_max, error.sticks_out_rms) == pytest.approx((0, 0), abs=1e-12)
    # The corners are √3 from the middle.
    assert error.falls_short_max == pytest.approx(3**0.5 - 1)
    # Over a face, the mean of (√(1 + x² + y²) - 1)² is 5/3 - 2 · 1.280789 + 1.
    assert error.falls_short_rms == pytest.approx((5 / 3 - 2 * 1.280789 + 1) ** 0.5, rel=0.03)


def test_the_error_of_a_ball_around_a_cube() -> None:
    error = fit_error(primitive("sphere", 3**0.5), box(1, 1, 1))
    assert (error.falls_short_max, error.falls_short_rms) == pytest.approx((0, 0), abs=1e-12)
    assert error.sticks_out_max == pytest.approx(3**0.5 - 1, rel=0.01)


def test_the_error_of_a_box_that_is_shifted() -> None:
    error = fit_error(primitive("box", 1, 1, 1, at=(0.1, 0, 0)), box(1, 1, 1))
    # One face of six is off by 0.1, and of four others a strip of 5 % by 0 to 0.1. The other way round it is the same.
    rms = (0.1**2 / 6 + 4 / 6 * 0.05 * 0.1**2 / 3) ** 0.5
    assert (error.sticks_out_max, error.falls_short_max) == pytest.approx((0.1, 0.1))
    assert (error.sticks_out_rms, error.falls_short_rms) == pytest.approx((rms, rms), rel=0.1)
    assert error.rms == pytest.approx(2**0.5 * rms, rel=0.1)
    assert error.millimetres()["sticks_out_max_mm"] == pytest.approx(100.0)


def test_what_a_neighbour_covers_is_no_error() -> None:
    # The box is too long by 0.5 at one end, where another is fixed to it, and too short by 0.2 at the other.
    shape, hull = primitive("box", 1.15, 1, 1, at=(0.35, 0, 0)), box(1, 1, 1)
    apart = fit_error(shape, hull)
    assert (apart.sticks_out_max, apart.falls_short_max) == pytest.approx((0.5, 0.2))
    joined = fit_error(shape, hull, [box(0.5, 1.1, 1.1, at=(1.5, 0, 0))])
    assert (joined.sticks_out_max, joined.falls_short_max) == pytest.approx((0.0, 0.2))
    # In a gap of 0.4 between the two, the middle is furthest from both.
    shape = primitive("box", 0.1, 0.1, 0.1, at=(1.2, 0, 0))
    assert fit_error(shape, hull).sticks_out_max == pytest.approx(0.3)
    assert fit_error(shape, hull, [box(0.5, 1, 1, at=(1.9, 0, 0))]).sticks_out_max == pytest.approx(0.2, rel=0.01)


# -- fits -------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, derandomize=True)
@given(shape=primitives())
def test_a_primitive_fitted_to_its_own_surface_is_itself(shape: Primitive) -> None:
    fit = fit_primitive(shape.surface(600), shape.kind)
    assert fit.kind == shape.kind
    extent = max(shape.size)
    assert np.abs(fit.distance(shape.surface(701))).max() < 0.01 * extent
    assert np.abs(shape.distance(fit.surface(500))).max() < 0.01 * extent


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("sphere", (0.03,)),
        ("capsule", (0.03, 0.1)),
        ("capsule", (0.05, 0.02)),
        ("box", (0.2, 0.05, 0.08)),
        ("box", (0.1, 0.1, 0.1)),
        ("box", (0.1, 0.1, 0.02)),
    ],
)
def test_of_all_kinds_the_nearest_is_taken(kind: str, size: tuple[float, ...]) -> None:
    turned = Rotation.from_rotvec([0.3, -0.5, 0.2])
    surface = primitive(kind, *size, at=(1, 2, 3), turned=turned.as_rotvec()).surface(4000)
    fit = fit_mesh(trimesh.convex.convex_hull(surface))
    assert fit.shape.kind == kind
    np.testing.assert_allclose(fit.shape.position, (1, 2, 3), atol=2e-3)
    np.testing.assert_allclose(np.sort(fit.shape.size), np.sort(size), atol=2e-3)
    assert max(fit.error.sticks_out_rms, fit.error.falls_short_rms) < 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_asked_for_is_fitted(kind: str) -> None:
    assert fit_mesh(box(0.1, 0.1, 0.2), kind).shape.kind == kind


def test_a_cut_ball_is_found_from_what_is_left_of_it() -> None:
    ball = primitive("sphere", 0.02).surface(2000)
    lower = trimesh.convex.convex_hull(ball[ball[:, 2] < 0.004])
    leg = box(0.03, 0.03, 0.05, at=(0, 0, 0.054))
    fit = fit_mesh(lower, "sphere", [leg])
    np.testing.assert_allclose(fit.shape.position, 0.0, atol=1e-3)
    assert fit.shape.size[0] == pytest.approx(0.02, abs=1e-3)
    assert fit.error.sticks_out_max < 1e-3
    # The cut pulls where it counts.
    assert fit_mesh(lower, "sphere").error.sticks_out_max > 3e-3


# -- robots -----------------------------------------------------------------------------------------


def read_primitive(prim: Usd.Prim) -> Primitive:
    """A primitive of the USD file, in the frame of its link."""
    to_link = np.array(UsdGeom.Xformable(prim).GetLocalTransformation()).T
    scale = np.linalg.norm(to_link[:3, :3], axis=0)
    rotation, position = to_link[:3, :3] / scale, to_link[:3, 3]
    if prim.IsA(UsdGeom.Cube):
        return Primitive("box", tuple(scale * UsdGeom.Cube(prim).GetSizeAttr().Get() / 2), rotation, position)
    np.testing.assert_allclose(scale, 1.0, atol=1e-6)
    if prim.IsA(UsdGeom.Capsule):
        capsule = UsdGeom.Capsule(prim)
        assert capsule.GetAxisAttr().Get() == "Z"
        size = (capsule.GetRadiusAttr().Get(), capsule.GetHeightAttr().Get() / 2)
        return Primitive("capsule", size, rotation, position)
    return Primitive("sphere", (UsdGeom.Sphere(prim).GetRadiusAttr().Get(),), rotation, position)


@ROBOTS
def test_primitives_in_the_file_are_those_of_the_fits(asset: RobotAsset) -> None:
    stage = Usd.Stage.Open(str(asset.usd_path()))
    robot = stage.GetDefaultPrim().GetPath()
    info = json.loads((asset.usd_path().parent / "asset.json").read_text())
    fits = replace_mesh_colliders(asset.load(), asset.collider_kinds)
    assert fits.keys() == info["primitives"].keys()
    for link, found in fits.items():
        for i, (fit, said) in enumerate(zip(found, info["primitives"][link], strict=True)):
            shape = read_primitive(stage.GetPrimAtPath(robot.AppendChild(link).AppendChild(f"collider_{i}")))
            assert shape.kind == fit.shape.kind == said["kind"], link
            np.testing.assert_allclose(fit.shape.distance(shape.surface(50)), 0.0, atol=1e-5, err_msg=link)
            assert 1e3 * np.array(shape.size) == pytest.approx(np.array(said["size_mm"]), rel=1e-5)
            assert fit.error.millimetres() == pytest.approx({k: said[k] for k in fit.error.millimetres()}, rel=1e-3)


@ROBOTS
def test_what_touches_the_ground_or_an_object_fits_well(asset: RobotAsset) -> None:
    # Sticks out and falls short at most, in mm.
    limits = {
        ".*_foot": (3, 2),
        ".*_calf": (7, 8),
        "base": (30, 34),
        "panda_hand": (18, 9),
    }
    fits = replace_mesh_colliders(asset.load(), asset.collider_kinds)
    checked = 0
    for link, found in fits.items():
        for fit in found:
            for pattern, (out, short) in limits.items():
                if link.endswith(pattern.removeprefix(".*")):
                    assert 1e3 * fit.error.sticks_out_max < out, link
                    assert 1e3 * fit.error.falls_short_max < short, link
                    checked += 1
    assert checked == {"go2": 1 + 4 + 8, "franka": 1}[asset.name]


def test_a_foot_is_a_ball_of_the_size_that_its_maker_says_and_reaches_below_the_calf() -> None:
    fits = replace_mesh_colliders(GO2_ASSET.load(), GO2_ASSET.collider_kinds)
    for leg in ("FL", "FR", "RL", "RR"):
        foot = fits[f"{leg}_foot"][0].shape
        # Unitree's own description has a ball of 22 mm, 2 mm behind the frame of the foot.
        assert foot.kind == "sphere"
        assert foot.size[0] == pytest.approx(0.022, abs=5e-4)
        np.testing.assert_allclose(foot.position, (-0.002, 0.0, 0.0), atol=1.5e-3)
        sole = foot.position[2] - foot.size[0] - 0.213
        for calf in fits[f"{leg}_calf"]:
            assert calf.shape.surface(2000)[:, 2].min() > sole + 0.015


def test_a_mesh_may_be_mirrored_and_scaled(tmp_path: Path) -> None:
    box(0.1, 0.2, 0.3, at=(0.5, 0.6, 0.7)).export(tmp_path / "box.stl")
    text = (
        '<robot name="one"><link name="body"><collision><origin xyz="0 0 1" rpy="0 0 1.5707963267948966"/><geometry>'
        f'<mesh filename="{tmp_path / "box.stl"}" scale="1 -2 1"/></geometry></collision></link></robot>'
    )
    (fit,) = replace_mesh_colliders(ET.ElementTree(ET.fromstring(text)))["body"]
    assert fit.shape.kind == "box"
    # (0.5, -1.2, 0.7), a quarter turn about z, and up by 1.
    np.testing.assert_allclose(fit.shape.position, (1.2, 0.5, 1.7), atol=1e-6)
    np.testing.assert_allclose(np.sort(fit.shape.size), (0.1, 0.3, 0.4), atol=1e-6)
    assert max(fit.error.sticks_out_max, fit.error.falls_short_max) < 1e-6


def test_links_keep_their_meshes_where_that_is_asked_for() -> None:
    tree = FRANKA_ASSET.load()
    fits = replace_mesh_colliders(tree, {"panda_hand": "mesh", "panda_link.": "capsule"})
    assert set(fits) == {f"panda_link{i}" for i in range(8)}
    left = [
        link.get("name") for link in tree.getroot().findall("link") if link.find("collision/geometry/mesh") is not None
    ]
    assert left == ["panda_hand"]


# -- in a simulation --------------------------------------------------------------------------------

TASK = "Gaitway-Velocity-Flat-Go2-Play"


def choose(colliders: str) -> Any:
    """An edit of a config that chooses the robot's colliders."""

    def edit(cfg: Any) -> None:
        cfg.scene.robot.spawn.colliders = colliders

    return edit


def shapes_that_collide() -> set[str]:
    """Kinds of the shapes in MuJoCo's model that can touch something, the ground left out."""
    import mujoco
    from isaaclab_newton.physics import NewtonManager

    model = NewtonManager._solver.mj_model
    touching = (model.geom_contype | model.geom_conaffinity) > 0
    kinds = {mujoco.mjtGeom(int(kind)).name.removeprefix("mjGEOM_").lower() for kind in model.geom_type[touching]}
    return kinds - {"plane"}


@pytest.mark.parametrize("engine", ["newton_mjwarp", "mujoco_cpu", "ovphysx"])
def test_a_go2_with_meshes_stands_on_its_feet(open_env, engine: str) -> None:
    with open_env(TASK, engine, 2, choose("meshes")) as env:
        env.reset()
        if engine != "ovphysx":
            assert shapes_that_collide() == {"mesh"}
        env = env.unwrapped
        for _ in range(120):
            env.step(torch.zeros(2, 12, device=env.device))
        robot, sensor = env.scene["robot"].data, env.scene.sensors["contact_forces"]
        force = sensor.data.net_forces_w.torch[..., 2]
        feet, _ = sensor.find_sensors(".*_foot")
        weight = 9.81 * robot.body_mass.torch.sum(dim=1).to(force.device)
        torch.testing.assert_close(force[:, feet].sum(dim=1), weight, rtol=0.05, atol=0.0)
        assert (force[:, feet] > 0.1 * weight[:, None]).all()
        assert robot.root_pos_w.torch[:, 2].min() > 0.22


def test_colliders_are_primitives_unless_chosen(open_env) -> None:
    with open_env(TASK, "newton_mjwarp", 2):
        assert shapes_that_collide() == {"sphere", "capsule"}


def test_colliders_are_an_override_of_the_command_line() -> None:
    import gaitway.tasks  # noqa: F401
    from gaitway.cli.session import resolve_configs

    cfg, _ = resolve_configs(TASK, None, ["env.scene.robot.spawn.colliders=meshes"])
    assert cfg.scene.robot.spawn.colliders == "meshes"


def test_colliders_that_there_are_none_of_are_refused_in_one_line(open_env) -> None:
    with pytest.raises(AssetError) as error, open_env(TASK, "newton_mjwarp", 2, choose("mesh")):
        pass
    assert str(error.value) == "go2: there are no colliders 'mesh'; use primitives or meshes."
