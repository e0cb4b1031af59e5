"""The robot's files in a bundle, read by two engines' own parsers."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from gaitway.export.description import COLLIDERS, URDF, robot_files
from gaitway.robots.assets import RobotAsset
from gaitway.robots.colliders import replace_mesh_colliders
from gaitway.robots.franka import FRANKA_ASSET
from gaitway.robots.go2 import GO2_ASSET
from gaitway.robots.urdf import read_origin


@pytest.fixture(scope="module", params=[GO2_ASSET, FRANKA_ASSET], ids=lambda asset: asset.name)
def asset(request) -> RobotAsset:
    return request.param


@pytest.fixture(scope="module")
def files(asset) -> dict[str, bytes]:
    return robot_files(asset)


def test_both_urdfs_are_the_trained_robot_in_mujoco(asset, files):
    import mujoco

    mass = sum(float(element.get("value")) for element in asset.load().getroot().iter("mass"))
    for name in (URDF, COLLIDERS):
        spec = mujoco.MjSpec.from_string(files[name].decode())
        spec.assets = {key.removeprefix("robot/"): data for key, data in files.items() if key.endswith(".stl")}
        spec.compiler.fusestatic = False
        model = spec.compile()
        assert model.nq == len([j for j in asset.load().getroot().findall("joint") if j.get("type") != "fixed"])
        # A fixed base is MuJoCo's world, whose mass it does not keep.
        assert sum(model.body_mass) <= mass + 1e-9
        if asset.floating_base:
            expected = mass - float(asset.load().getroot().find("link/inertial/mass").get("value"))
            assert sum(model.body_mass) in (pytest.approx(mass), pytest.approx(expected))


def test_primitives_are_those_that_were_fitted(asset, files):
    tree = asset.load()
    fits = replace_mesh_colliders(tree, asset.collider_kinds)
    root = ET.fromstring(files[COLLIDERS])
    links = {link.get("name"): link for link in root.findall("link")}
    for name, found in fits.items():
        written = links[name].findall("collision")[-len(found) :]
        for collision, fit in zip(written, found, strict=True):
            rotation, position = read_origin(collision)
            assert position == pytest.approx(fit.shape.position)
            assert np.abs(rotation @ rotation.T - np.eye(3)).max() < 1e-9
            (shape,) = collision.find("geometry")
            if shape.tag == "capsule":
                assert float(shape.get("radius")) == pytest.approx(fit.shape.size[0])
                assert float(shape.get("length")) == pytest.approx(2.0 * fit.shape.size[1])
                assert rotation[:, 2] == pytest.approx(fit.shape.rotation[:, 2], abs=1e-9)
            else:
                assert shape.tag == fit.shape.kind


def test_nothing_is_drawn_and_no_path_is_of_this_machine(files):
    for name in (URDF, COLLIDERS):
        root = ET.fromstring(files[name])
        assert {element.tag for element in root} == {"link", "joint"}
        assert not list(root.iter("visual"))
        for mesh in root.iter("mesh"):
            assert f"robot/{mesh.get('filename')}" in files


def test_meshes_are_those_of_the_description(asset, files):
    import trimesh

    sources = [mesh.get("filename") for mesh in asset.load().getroot().findall("link/collision/geometry/mesh")]
    written = [mesh.get("filename") for mesh in ET.fromstring(files[URDF]).iter("mesh")]
    assert len(sources) == len(written)
    for source, name in {*zip(sources, written, strict=True)}:
        before = trimesh.load(source, force="mesh")
        after = trimesh.load(io.BytesIO(files[f"robot/{name}"]), file_type="stl")
        assert after.area == pytest.approx(before.area, rel=1e-5)
        assert after.bounds == pytest.approx(before.bounds, abs=1e-6)


def test_the_same_robot_gives_the_same_bytes():
    assert robot_files(FRANKA_ASSET) == robot_files(FRANKA_ASSET)
