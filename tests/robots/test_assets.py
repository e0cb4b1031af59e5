"""From URDF to a cached USD file: the cache, what it refuses, merging and the layout. No simulator."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import newton_usd_schemas  # noqa: F401  before USD is first used, so that tests may run in any order
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from pxr import Usd, UsdGeom, UsdPhysics

from gaitway.robots import assets
from gaitway.robots.assets import RobotAsset
from gaitway.robots.franka import FRANKA_ASSET
from gaitway.robots.go2 import GO2_ASSET
from gaitway.robots.urdf import AssetError, merge_fixed_links, read_inertial

INERTIAL = (
    '<inertial><origin xyz="0.01 0 0.02"/><mass value="1.5"/>'
    '<inertia ixx="0.01" iyy="0.02" izz="0.025" ixy="0.001" ixz="0" iyz="0"/></inertial>'
)
TINY_URDF = f"""<robot name="tiny">
  <link name="base">{INERTIAL}</link>
  <link name="bracket">{INERTIAL}</link>
  <link name="arm">{INERTIAL}
    <collision><origin xyz="0 0 0.1"/><geometry><mesh filename="arm.stl"/></geometry></collision>
  </link>
  <link name="slide">{INERTIAL}</link>
  <joint name="mount" type="fixed"><parent link="base"/><child link="bracket"/><origin xyz="0.1 0 0"/></joint>
  <joint name="turn" type="revolute">
    <parent link="bracket"/><child link="arm"/><origin xyz="0 0.2 0"/><axis xyz="0 1 0"/>
    <limit lower="-1" upper="1" effort="5" velocity="3"/>
  </joint>
  <joint name="push" type="prismatic">
    <parent link="arm"/><child link="slide"/><origin xyz="0 0 0.3"/><axis xyz="0 0 1"/>
    <limit lower="0" upper="0.1" effort="50" velocity="0.5"/>
  </joint>
</robot>"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RobotAsset:
    """A robot of four links with one mesh, and an empty cache."""
    monkeypatch.setenv("GAITWAY_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny.urdf").write_text(TINY_URDF)
    trimesh.creation.box((0.04, 0.06, 0.2)).export(tmp_path / "arm.stl")
    return RobotAsset(name="tiny", urdf=str(tmp_path / "tiny.urdf"), floating_base=False)


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the robots converted since, in order."""
    done: list[str] = []
    convert = assets.convert

    def counted(asset: RobotAsset, *args):
        done.append(asset.name)
        return convert(asset, *args)

    monkeypatch.setattr(assets, "convert", counted)
    return done


# -- the cache --------------------------------------------------------------------------------------


def test_a_robot_is_converted_once(tiny: RobotAsset, conversions: list[str]) -> None:
    first = tiny.usd_path()
    assert first.is_file()
    assert tiny.usd_path() == first
    assert conversions == ["tiny"]


def test_an_entry_leaves_no_scratch_behind(tiny: RobotAsset) -> None:
    folder = tiny.usd_path().parent
    assert sorted(p.name for p in folder.iterdir()) == ["asset.json", "tiny.usdc"]
    assert sorted(p.name for p in folder.parent.iterdir()) == [folder.name, f"{folder.name}.lock"]


def test_the_key_follows_the_urdf_and_its_meshes(tiny: RobotAsset) -> None:
    before = tiny.key()
    assert tiny.key() == before
    tiny.urdf_path.write_text(TINY_URDF.replace('effort="5"', 'effort="6"'))
    other_urdf = tiny.key()
    trimesh.creation.box((0.04, 0.06, 0.21)).export(tiny.urdf_path.parent / "arm.stl")
    assert len({before, other_urdf, tiny.key()}) == 3


@pytest.mark.parametrize(
    "option",
    [
        {"name": "other"},
        {"floating_base": True},
        {"keep_links": frozenset({"bracket"})},
        {"colliders": "meshes"},
        {"collider_kinds": {"arm": "box"}},
    ],
    ids=lambda option: next(iter(option)),
)
def test_the_key_follows_every_option(tiny: RobotAsset, option: dict) -> None:
    plain = {"name": "tiny", "urdf": tiny.urdf, "floating_base": False}
    assert RobotAsset(**plain | option).key() != RobotAsset(**plain).key()


def test_the_key_follows_the_order_of_collider_patterns(tiny: RobotAsset) -> None:
    # The first pattern that matches decides, so order is part of what is asked for.
    kinds = {"arm": "box", "a.*": "capsule"}
    keys = {
        RobotAsset("tiny", tiny.urdf, False, collider_kinds=dict(pairs)).key()
        for pairs in (list(kinds.items()), list(kinds.items())[::-1])
    }
    assert len(keys) == 2


@pytest.mark.parametrize("damage", ["truncate", "no asset.json", "no usd", "broken asset.json"])
def test_a_damaged_entry_is_converted_again(
    tiny: RobotAsset, conversions: list[str], capsys: pytest.CaptureFixture, damage: str
) -> None:
    usd = tiny.usd_path()
    capsys.readouterr()
    if damage == "truncate":
        usd.write_bytes(usd.read_bytes()[:500])
    elif damage == "no asset.json":
        (usd.parent / "asset.json").unlink()
    elif damage == "no usd":
        usd.unlink()
    else:
        (usd.parent / "asset.json").write_text('{"sha256": ')
    assert tiny.usd_path() == usd
    assert conversions == ["tiny", "tiny"]
    assert hashlib.sha256(usd.read_bytes()).hexdigest() == json.loads((usd.parent / "asset.json").read_text())["sha256"]
    assert Usd.Stage.Open(str(usd)).GetPrimAtPath("/tiny/arm")
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "tiny" in said
    assert str(usd.parent) in said


def test_a_cache_that_cannot_be_written_is_named_with_a_remedy(
    tiny: RobotAsset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GAITWAY_CACHE", str(tmp_path / "file"))
    with pytest.raises(AssetError, match="GAITWAY_CACHE") as error:
        tiny.usd_path()
    assert str(tmp_path / "file") in str(error.value)


def test_without_descriptions_a_packed_robot_is_used(tiny: RobotAsset, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tiny.usd_path()
    monkeypatch.setattr(RobotAsset, "key", lambda self: version("no such package"))
    assert tiny.usd_path() == packed
    with pytest.raises(AssetError, match="one with meshes as colliders"):
        replace(tiny, colliders="meshes").usd_path()
    packed.unlink()
    with pytest.raises(AssetError, match="offline pack"):
        tiny.usd_path()


RACER = """
import sys, time
from pathlib import Path
from gaitway.robots import assets
urdf, number = sys.argv[1:]
convert = assets.convert
assets.convert = lambda *args: (print("converted"), convert(*args))[1]
Path(f"{urdf}.ready{number}").touch()
while not Path(f"{urdf}.go").exists():
    time.sleep(0.001)
print(assets.RobotAsset(name="tiny", urdf=urdf, floating_base=False).usd_path())
"""


def test_processes_that_start_at_once_share_one_conversion(tiny: RobotAsset) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, tiny.urdf, str(i)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for i in range(3)
    ]
    deadline = time.monotonic() + 120
    while any(not Path(f"{tiny.urdf}.ready{i}").exists() and racer.poll() is None for i, racer in enumerate(racers)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    Path(f"{tiny.urdf}.go").touch()
    lines = []
    for racer in racers:
        out, err = racer.communicate(timeout=120)
        assert racer.returncode == 0, err
        lines += out.splitlines()
    assert sorted(lines) == sorted(["converted", *[str(tiny.usd_path())] * 3])


USER_OF_USD = """
import sys
from pxr import Usd, UsdPhysics
stage = Usd.Stage.CreateInMemory()
UsdPhysics.RigidBodyAPI.Apply(stage.DefinePrim("/body", "Xform"))
from gaitway.robots.assets import RobotAsset
print(RobotAsset(name="tiny", urdf=sys.argv[1], floating_base=False).usd_path())
"""


def test_a_process_that_has_used_usd_before_can_convert(tiny: RobotAsset) -> None:
    # USD learns of schemas when it is first used; those of Newton, which the converter needs, would come too late.
    env = {name: value for name, value in os.environ.items() if name != "PXR_PLUGINPATH_NAME"}
    done = subprocess.run([sys.executable, "-c", USER_OF_USD, tiny.urdf], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tiny.usd_path())


# -- what is refused --------------------------------------------------------------------------------


def refused(asset: RobotAsset) -> str:
    """Message of the error with which a robot is refused."""
    with pytest.raises(AssetError) as error:
        asset.usd_path()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_missing_mesh_is_refused_by_name(tiny: RobotAsset) -> None:
    (tiny.urdf_path.parent / "arm.stl").unlink()
    message = refused(tiny)
    assert str(tiny.urdf_path) in message
    assert "arm.stl" in message


def test_a_mesh_in_an_unknown_package_is_refused_by_name(tiny: RobotAsset) -> None:
    tiny.urdf_path.write_text(TINY_URDF.replace("arm.stl", "package://elsewhere/arm.stl"))
    assert "elsewhere" in refused(tiny)


def test_a_mesh_that_is_none_is_refused_by_name(tiny: RobotAsset) -> None:
    (tiny.urdf_path.parent / "arm.stl").write_text("no mesh")
    assert str(tiny.urdf_path.parent / "arm.stl") in refused(tiny)


@pytest.mark.parametrize(
    "text", ["", "a: 1\n", '<sdf version="1.6"/>', "<robot><link"], ids=["empty", "yaml", "sdf", "cut"]
)
def test_a_file_that_is_no_urdf_is_refused_by_name(tiny: RobotAsset, text: str) -> None:
    tiny.urdf_path.write_text(text)
    assert str(tiny.urdf_path) in refused(tiny)


def test_a_missing_urdf_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "none.urdf"
    assert str(path) in refused(RobotAsset("none", str(path), floating_base=False))


def test_a_folder_in_place_of_a_urdf_is_refused_by_name(tmp_path: Path) -> None:
    assert str(tmp_path) in refused(RobotAsset("none", str(tmp_path), floating_base=False))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('child link="arm"', 'child link="leg"'),
        ('child link="bracket"', 'child link="leg"'),
        ('<parent link="base"/>', ""),
        ('mass value="1.5"', 'mass value="heavy"'),
        ('<mass value="1.5"/>', ""),
        ('name="bracket">', 'name="base">'),
    ],
    ids=["joint to nothing", "fixed joint to nothing", "joint from nothing", "no number", "no mass", "a name twice"],
)
def test_a_faulty_urdf_is_refused_by_name(tiny: RobotAsset, right: str, wrong: str) -> None:
    tiny.urdf_path.write_text(TINY_URDF.replace(right, wrong))
    assert str(tiny.urdf_path) in refused(tiny)


@pytest.mark.parametrize("option", [{"colliders": "boxes"}, {"collider_kinds": {"arm": "cylinder"}}], ids=str)
def test_colliders_that_there_are_none_of_are_refused_by_name(tiny: RobotAsset, option: dict) -> None:
    with pytest.raises(AssetError) as error:
        replace(tiny, **option)
    message = str(error.value)
    assert "\n" not in message
    assert "tiny" in message
    assert ("'boxes'; use primitives or meshes" in message) or ("'cylinder' for 'arm'; use one of sphere," in message)


def test_a_refused_robot_leaves_nothing_in_the_cache(tiny: RobotAsset) -> None:
    tiny.urdf_path.write_text(TINY_URDF.replace('<child link="arm"/>', '<child link="leg"/>'))
    with pytest.raises(AssetError):
        tiny.usd_path()
    left = [p for p in assets.cache_dir().iterdir() if p.suffix != ".lock"] if assets.cache_dir().exists() else []
    assert left == []


# -- merging ----------------------------------------------------------------------------------------

number = st.floats(-1.0, 1.0, allow_subnormal=False)
angle = st.floats(-3.2, 3.2, allow_subnormal=False)
triple = st.tuples(number, number, number)
pose = st.tuples(triple, st.tuples(angle, angle, angle))


@st.composite
def links(draw) -> tuple:
    """Mass, pose of the centre of mass, six entries of a positive definite inertia."""
    root = np.array(draw(st.lists(number, min_size=9, max_size=9))).reshape(3, 3)
    inertia = root @ root.T * 0.01 + 0.001 * np.eye(3)
    return draw(st.floats(0.01, 20.0)), draw(pose), inertia[np.triu_indices(3)]


def origin(xyz, rpy) -> str:
    return f'<origin xyz="{" ".join(map(repr, xyz))}" rpy="{" ".join(map(repr, rpy))}"/>'


def link_xml(name: str, link) -> str:
    mass, (xyz, rpy), inertia = link
    entries = " ".join(
        f'{key}="{float(value)!r}"'
        for key, value in zip(("ixx", "ixy", "ixz", "iyy", "iyz", "izz"), inertia, strict=True)
    )
    return (
        f'<link name="{name}"><inertial>{origin(xyz, rpy)}<mass value="{mass!r}"/><inertia {entries}/></inertial>'
        f'<visual name="{name}">{origin(rpy, xyz)}<geometry><sphere radius="0.1"/></geometry></visual></link>'
    )


def joint_xml(name: str, kind: str, parent: str, child: str, at) -> str:
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>{origin(*at)}'
        f'<axis xyz="0 0 1"/></joint>'
    )


def homogeneous(element: ET.Element | None) -> np.ndarray:
    """An ``<origin>`` as a (4, 4) matrix: rotations about the fixed x, then y, then z axis."""
    matrix = np.eye(4)
    if element is None:
        return matrix
    (cr, cp, cy), (sr, sp, sy) = (f([float(x) for x in element.get("rpy", "0 0 0").split()]) for f in (np.cos, np.sin))
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    matrix[:3, :3] = about_z @ about_y @ about_x
    matrix[:3, 3] = [float(x) for x in element.get("xyz", "0 0 0").split()]
    return matrix


def pseudo_inertia(inertial: ET.Element) -> np.ndarray:
    """Mass, first and second moments of a body about its link's origin, as one (4, 4) matrix.

    Such matrices add up, and a change of frame T takes P to T P Tᵀ (Wensing et al., 2018, eq. 7).
    """
    value = {k: float(v) for k, v in inertial.find("inertia").attrib.items()}
    inertia = np.array([[value["ix" + b] if a == "x" else 0.0 for b in "xyz"] for a in "xyz"])
    for i, a in enumerate("xyz"):
        for j, b in enumerate("xyz"):
            inertia[i, j] = value["i" + "".join(sorted(a + b))]
    matrix = np.zeros((4, 4))
    matrix[:3, :3] = 0.5 * np.trace(inertia) * np.eye(3) - inertia
    matrix[3, 3] = float(inertial.find("mass").get("value"))
    frame = homogeneous(inertial.find("origin"))
    return frame @ matrix @ frame.T


def seen_from_base(tree: ET.ElementTree) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """All moments about the base's origin with joints at zero, and the pose of each shape."""
    root = tree.getroot()
    joints = {j.find("child").get("link"): j for j in root.findall("joint")}
    total, shapes = np.zeros((4, 4)), {}
    for link in root.findall("link"):
        frame, name = np.eye(4), link.get("name")
        while name in joints:
            frame = homogeneous(joints[name].find("origin")) @ frame
            name = joints[name].find("parent").get("link")
        total += frame @ pseudo_inertia(link.find("inertial")) @ frame.T
        for shape in link.findall("visual"):
            shapes[shape.get("name")] = frame @ homogeneous(shape.find("origin"))
    return total, shapes


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    bodies=st.lists(links(), min_size=2, max_size=6),
    at=st.lists(st.tuples(pose, st.integers(0, 5), st.booleans()), min_size=5, max_size=5),
    order=st.permutations(range(5)),
)
def test_merging_keeps_mass_centre_inertia_and_shapes(bodies, at, order) -> None:
    names = [f"l{i}" for i in range(len(bodies))]
    joints = [
        joint_xml(f"j{i}", "revolute" if moves else "fixed", names[parent % (i + 1)], names[i + 1], where)
        for i, (where, parent, moves) in enumerate(at[: len(bodies) - 1])
    ]
    joints = [joints[i] for i in order if i < len(joints)]
    text = "".join([link_xml(n, b) for n, b in zip(names, bodies, strict=True)] + joints)
    tree = ET.ElementTree(ET.fromstring(f"<robot>{text}</robot>"))
    before = ET.tostring(tree.getroot())
    merged = merge_fixed_links(tree)
    assert ET.tostring(tree.getroot()) == before, "the given tree was changed"
    moving = [j.get("name") for j in tree.getroot().findall("joint") if j.get("type") != "fixed"]
    assert [j.get("name") for j in merged.getroot().findall("joint")] == moving
    assert len(merged.getroot().findall("link")) == len(moving) + 1
    (ours, our_shapes), (theirs, their_shapes) = seen_from_base(merged), seen_from_base(tree)
    np.testing.assert_allclose(ours, theirs, atol=1e-6 * max(1.0, np.abs(theirs).max()))
    assert our_shapes.keys() == their_shapes.keys()
    for name, frame in their_shapes.items():
        np.testing.assert_allclose(our_shapes[name], frame, atol=1e-6)


def test_links_that_are_to_be_kept_stay() -> None:
    body = (1.0, ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), np.array([1.0, 0, 0, 1.0, 0, 1.0]))
    at = ((0.1, 0.0, 0.0), (0.0, 0.0, 0.0))
    foot = joint_xml("j3", "fixed", "base", "foot", at).replace("<joint", '<joint dont_collapse="true"')
    text = "".join(link_xml(name, body) for name in ("base", "gone", "hand", "foot"))
    text += '<link name="frame"/>' + foot
    text += "".join(joint_xml(f"j_{child}", "fixed", "base", child, at) for child in ("gone", "hand", "frame"))
    merged = merge_fixed_links(ET.ElementTree(ET.fromstring(f"<robot>{text}</robot>")), frozenset({"hand"}))
    assert [link.get("name") for link in merged.getroot().findall("link")] == ["base", "hand", "foot", "frame"]


def test_a_base_without_inertia_has_that_of_what_it_carries() -> None:
    # As ANYmal C's: the base moves, and its mass hangs on it. A frame that hangs on a link stays a frame.
    inertial = '<inertial><mass value="2"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>'
    links = {"base": "", "body": inertial, "frame": "", "tool": inertial}
    text = "".join(f'<link name="{name}">{inside}</link>' for name, inside in links.items())
    text += '<joint name="a" type="fixed"><parent link="base"/><child link="body"/><origin xyz="0 0 1"/></joint>'
    text += '<joint name="b" type="fixed"><parent link="base"/><child link="frame"/></joint>'
    text += '<joint name="c" type="fixed"><parent link="frame"/><child link="tool"/></joint>'
    merged = merge_fixed_links(ET.ElementTree(ET.fromstring(f"<robot>{text}</robot>"))).getroot()
    assert [link.get("name") for link in merged.findall("link")] == ["base", "frame", "tool"]
    body = read_inertial(merged.findall("link")[0])
    assert body.mass == 2.0
    np.testing.assert_allclose(body.com, [0.0, 0.0, 1.0])
    np.testing.assert_allclose(body.inertia, np.eye(3))


def test_names_are_those_that_usd_allows(tiny: RobotAsset) -> None:
    tiny.urdf_path.write_text(TINY_URDF.replace('"turn"', '"turn.0"').replace('"arm"', '"arm-1"'))
    root = tiny.load().getroot()
    assert {joint.get("name") for joint in root.findall("joint")} == {"turn_0", "push"}
    assert "arm_1" in {link.get("name") for link in root.findall("link")}
    assert {joint.find("child").get("link") for joint in root.findall("joint")} == {"arm_1", "slide"}
    tiny.urdf_path.write_text(TINY_URDF.replace('"turn"', '"a.b"').replace('"push"', '"a_b"'))
    assert "'a.b' and 'a_b'" in refused(tiny)


def test_links_without_mass_merge_into_one_without_mass() -> None:
    body = (0.0, ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), np.zeros(6))
    text = link_xml("a", body) + link_xml("b", body)
    text += joint_xml("j", "fixed", "a", "b", ((0.1, 0.0, 0.0), (0.0, 0.0, 0.0)))
    merged = merge_fixed_links(ET.ElementTree(ET.fromstring(f"<robot>{text}</robot>")))
    np.testing.assert_array_equal(seen_from_base(merged)[0], np.zeros((4, 4)))


ROBOTS = pytest.mark.parametrize("asset", [FRANKA_ASSET, GO2_ASSET], ids=lambda asset: asset.name)


# -- the file ---------------------------------------------------------------------------------------


def check_layout(asset: RobotAsset) -> Usd.Stage:
    """What Isaac Lab and the engines take for granted."""
    stage = Usd.Stage.Open(str(asset.usd_path()))
    robot = stage.GetDefaultPrim()
    tree = asset.load().getroot()
    links = [link.get("name") for link in tree.findall("link") if link.find("inertial") is not None]
    joints = {j.get("name"): j for j in tree.findall("joint") if j.get("type") != "fixed"}

    bodies = [prim for prim in stage.Traverse() if prim.HasAPI(UsdPhysics.RigidBodyAPI)]
    assert {prim.GetParent() for prim in bodies} == {robot}
    assert {prim.GetName() for prim in bodies} >= set(links)
    paths = {prim.GetPath() for prim in bodies}
    found = {prim.GetName(): prim for prim in stage.Traverse() if prim.IsA(UsdPhysics.Joint)}
    assert "root_joint" not in found
    assert set(joints) <= set(found)
    for name, prim in found.items():
        joint = UsdPhysics.Joint(prim)
        targets = joint.GetBody0Rel().GetTargets() + joint.GetBody1Rel().GetTargets()
        assert len(targets) == 2, name
        assert set(targets) <= paths, name
        if name in joints:
            kind = {"revolute": "angular", "continuous": "angular", "prismatic": "linear"}[joints[name].get("type")]
            assert prim.HasAPI(UsdPhysics.DriveAPI, kind), name
            drive = UsdPhysics.DriveAPI(prim, kind)
            effort = float(joints[name].find("limit").get("effort"))
            assert drive.GetMaxForceAttr().Get() == pytest.approx(effort), name
            assert (drive.GetStiffnessAttr().Get(), drive.GetDampingAttr().Get()) == (0.0, 0.0), name
        else:
            assert prim.IsA(UsdPhysics.FixedJoint), name
    info = json.loads((asset.usd_path().parent / "asset.json").read_text())
    for link, fits in info["primitives"].items():
        for i in range(len(fits)):
            prim = stage.GetPrimAtPath(robot.GetPath().AppendChild(link).AppendChild(f"collider_{i}"))
            assert prim.HasAPI(UsdPhysics.CollisionAPI), link
    assert UsdGeom.GetStageUpAxis(stage) == "Z"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    assert [layer.identifier for layer in stage.GetUsedLayers() if not layer.anonymous] == [str(asset.usd_path())]
    return stage


@ROBOTS
def test_the_file_is_laid_out_as_isaac_lab_expects(asset: RobotAsset) -> None:
    check_layout(asset)


def test_a_robot_with_meshes_as_colliders_is_laid_out_the_same(tiny: RobotAsset) -> None:
    stage = check_layout(tiny)
    assert any(prim.IsA(UsdGeom.Cube) and prim.HasAPI(UsdPhysics.CollisionAPI) for prim in stage.Traverse())
    for kept in ({"colliders": "meshes"}, {"collider_kinds": {"arm": "mesh"}}):
        stage = check_layout(replace(tiny, **kept))
        (collider,) = [prim for prim in stage.Traverse() if prim.HasAPI(UsdPhysics.CollisionAPI)]
        assert collider.IsA(UsdGeom.Mesh)
        assert collider.GetAttribute("physics:approximation").Get() == "convexHull"
        # All of it, where Newton would take 64.
        assert collider.GetAttribute("newton:maxHullVertices").Get() == 8


def test_a_description_that_nails_its_base_down_is_freed(tiny: RobotAsset) -> None:
    nailed = '<link name="world"/><joint name="nail" type="fixed"><parent link="world"/><child link="base"/></joint>'
    tiny.urdf_path.write_text(TINY_URDF.replace("</robot>", f"{nailed}</robot>"))
    stage = check_layout(tiny)
    found = {prim.GetName() for prim in stage.Traverse() if prim.IsA(UsdPhysics.Joint)}
    assert found == {"turn", "push"}


def test_links_lie_where_the_urdf_puts_them(tiny: RobotAsset) -> None:
    stage = Usd.Stage.Open(str(tiny.usd_path()))
    poses = UsdGeom.XformCache()
    robot = stage.GetDefaultPrim().GetPath()
    for link, position in {"base": (0, 0, 0), "arm": (0.1, 0.2, 0), "slide": (0.1, 0.2, 0.3)}.items():
        pose = poses.GetLocalToWorldTransform(stage.GetPrimAtPath(robot.AppendChild(link)))
        np.testing.assert_allclose(pose.ExtractTranslation(), position, atol=1e-6)
