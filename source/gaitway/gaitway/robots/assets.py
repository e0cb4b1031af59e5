"""From a URDF to a USD file that every engine of Isaac Lab reads alike, converted once and cached.

The file is laid out as Isaac Lab's own robots are: links side by side under the robot, joints in ``joints``, so that
sensor paths such as ``{ENV_REGEX_NS}/Robot/.*_foot`` match.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from filelock import FileLock
from platformdirs import user_cache_path

from .urdf import AssetError, load_urdf, merge_fixed_links, mesh_files

if TYPE_CHECKING:
    from .colliders import Fit, Primitive

logger = logging.getLogger(__name__)

LAYOUT_VERSION = 4
"""Raised whenever the same description would give another USD file."""


TEXTURES = "textures"
"""Folder beside the USD file."""

Colliders = Literal["primitives", "meshes"]
COLLIDER_KINDS = ("sphere", "capsule", "box", "mesh")


@cache
def robot_data_dir() -> Path:
    """Folder of ``example-robot-data``, the package that carries the descriptions and meshes.

    Raises:
        AssetError: The package is not installed.
    """
    for file in distribution("example-robot-data").files or ():
        if file.name == "go2.urdf":
            # <share>/example-robot-data/robots/go2_description/urdf/go2.urdf
            return Path(str(file.locate())).resolve().parents[3]
    raise AssetError("The robots are missing: reinstall the package 'example-robot-data'.")


def cache_dir() -> Path:
    """Where converted robots are kept: ``$GAITWAY_CACHE``, else the user's cache folder."""
    return Path(os.environ.get("GAITWAY_CACHE") or user_cache_path("gaitway")) / "robots"


@dataclass(frozen=True)
class RobotAsset:
    """A robot description and how it becomes a USD file."""

    name: str
    """Name of the robot, also of its folder in the cache."""
    urdf: str
    """URDF file, absolute or inside ``example-robot-data``'s ``robots`` folder."""
    floating_base: bool
    """Whether the base moves freely; else it is fixed to the world."""
    keep_links: frozenset[str] = frozenset()
    """Links on fixed joints that stay bodies of their own."""
    colliders: Colliders = "primitives"
    """Fitted primitives, or the convex hulls of the description's meshes."""
    collider_kinds: dict[str, str] = field(default_factory=dict)
    """Kind of primitive (``sphere``, ``capsule``, ``box``) by link pattern, or ``mesh`` where the mesh stays; the
    nearest where nothing is said."""

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            AssetError: There is no such collider.
        """
        if self.colliders not in get_args(Colliders):
            known = " or ".join(get_args(Colliders))
            raise AssetError(f"{self.name}: there are no colliders '{self.colliders}'; use {known}.")
        for pattern, kind in self.collider_kinds.items():
            if kind not in COLLIDER_KINDS:
                known = ", ".join(COLLIDER_KINDS)
                raise AssetError(f"{self.name}: collider_kinds has '{kind}' for '{pattern}'; use one of {known}.")

    @property
    def urdf_path(self) -> Path:
        """The URDF as a path."""
        path = Path(self.urdf)
        return path if path.is_absolute() else robot_data_dir() / "robots" / path

    def load(self) -> ET.ElementTree[ET.Element]:
        """The URDF with links on fixed joints merged and meshes as absolute paths."""
        tree = load_urdf(self.urdf_path, {"example-robot-data": robot_data_dir()})
        return merge_fixed_links(tree, self.keep_links)

    def key(self) -> str:
        """Hash of all that the USD file depends on: URDF, meshes, converter, options."""
        tree = load_urdf(self.urdf_path, {"example-robot-data": robot_data_dir()})
        # Of the collider patterns the first that matches wins, so their order counts.
        options = asdict(self) | {
            "keep_links": sorted(self.keep_links),
            "collider_kinds": list(self.collider_kinds.items()),
            "urdf": self.urdf_path.name,
        }
        versions = [version("urdf-usd-converter"), version("usd-exchange"), LAYOUT_VERSION]
        digest = hashlib.sha256(json.dumps([options, versions], sort_keys=True).encode())
        for file in [self.urdf_path, *mesh_files(tree)]:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()[:16]

    def usd_path(self) -> Path:
        """Path of the robot's USD file, converted on first use.

        Safe when several processes ask at once; a damaged cache entry is made anew.

        Raises:
            AssetError: The description cannot be read or converted, or the cache cannot be written.
        """
        try:
            key = self.key()
        except PackageNotFoundError:
            return self._packed_usd()
        folder = cache_dir() / f"{self.name}-{key}"
        usd = folder / f"{self.name}.usdc"
        if _is_whole(folder):
            return usd
        try:
            cache_dir().mkdir(parents=True, exist_ok=True)
            with FileLock(f"{folder}.lock"):
                if _is_whole(folder):
                    return usd
                if folder.exists():
                    print(f"[gaitway] The cached {self.name} in {folder} is damaged; converting it again.", flush=True)
                    shutil.rmtree(folder)
                self._convert_into(folder)
        except OSError as error:
            raise AssetError(
                f"Cannot write the robot cache {cache_dir()}: {error.strerror or error}. "
                "Free some space, or set GAITWAY_CACHE to a folder that can be written."
            ) from error
        return usd

    def _packed_usd(self) -> Path:
        """The converted robot that an offline pack brought to a machine without descriptions."""
        whole = [f for f in cache_dir().glob(f"{self.name}-{'[0-9a-f]' * 16}") if _is_whole(f)]
        found = [f for f in whole if json.loads((f / "asset.json").read_text()).get("colliders") == self.colliders]
        if not found:
            one = f"one with {self.colliders} as colliders" if whole else "one"
            raise AssetError(
                f"There is neither a description of {self.name} (package 'example-robot-data') nor a converted {one} "
                f"in {cache_dir()}. Install the package, or unpack an offline pack and set GAITWAY_CACHE."
            )
        return max(found, key=lambda folder: folder.stat().st_mtime) / f"{self.name}.usdc"

    def _convert_into(self, folder: Path) -> None:
        logger.info("Converting %s to USD", self.name)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{self.name}-") as scratch:
            whole = Path(scratch) / "whole"
            whole.mkdir()
            usd = whole / f"{self.name}.usdc"
            fits = convert(self, usd, Path(scratch))
            info = {
                "sha256": hashlib.sha256(usd.read_bytes()).hexdigest(),
                "urdf": self.urdf_path.name,
                "colliders": self.colliders,
                "primitives": {
                    link: [
                        {
                            "kind": fit.shape.kind,
                            "size_mm": [1e3 * x for x in fit.shape.size],
                            **fit.error.millimetres(),
                        }
                        for fit in found
                    ]
                    for link, found in fits.items()
                },
            }
            (whole / "asset.json").write_text(json.dumps(info, indent=2))
            # The rename is the moment at which the entry exists.
            whole.rename(folder)


def _is_whole(folder: Path) -> bool:
    try:
        info = json.loads((folder / "asset.json").read_text())
        usd = next(folder.glob("*.usdc"))
        return hashlib.sha256(usd.read_bytes()).hexdigest() == info["sha256"]
    except (OSError, ValueError, KeyError, StopIteration):
        return False


def convert(asset: RobotAsset, usd: Path, scratch: Path) -> dict[str, list[Fit]]:
    """Convert a robot to USD.

    Args:
        asset: The robot.
        usd: The file to write.
        scratch: An empty folder for what comes between.

    Returns:
        The primitives that stand for collision meshes, by link.

    Raises:
        AssetError: The converter did not accept the description.
    """
    from .colliders import replace_mesh_colliders  # scipy's optimisers are slow to import

    tree = asset.load()
    fits = replace_mesh_colliders(tree, asset.collider_kinds) if asset.colliders == "primitives" else {}
    prepared = scratch / f"{asset.name}.urdf"
    tree.write(prepared)
    try:
        made = _run_converter(prepared, scratch / "converted")
    except Exception as error:
        raise AssetError(f"{asset.urdf_path}: not convertible to USD ({' '.join(str(error).split())}).") from error
    _write_flat_usd(made, usd, tree, {link: [fit.shape for fit in found] for link, found in fits.items()})
    return fits


def _run_converter(urdf: Path, folder: Path) -> Path:
    import urdf_usd_converter  # registers Newton's schemas
    from pxr import Usd

    if Usd.SchemaRegistry().FindAppliedAPIPrimDefinition("NewtonArticulationRootAPI") is None:
        # This process has used USD before, and USD learns of schemas only once: another process has to do it.
        code = "import sys, urdf_usd_converter as c; c.Converter(scene=False).convert(*sys.argv[1:])"
        done = subprocess.run([sys.executable, "-c", code, urdf, folder], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
        return next(folder.glob("*.usd?"))
    # The converter warns of line sets in Collada files, which draw nothing.
    logging.getLogger("urdf_usd_converter").setLevel(logging.ERROR)
    with _quiet_stdout():
        return Path(urdf_usd_converter.Converter(scene=False).convert(str(urdf), str(folder)).path)


class _quiet_stdout:
    """Keep what native code prints off the terminal."""

    def __enter__(self) -> None:
        self._saved = [os.dup(1), os.dup(2)]
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        os.close(sink)

    def __exit__(self, *_exc: object) -> None:
        for number, saved in zip((1, 2), self._saved, strict=True):
            os.dup2(saved, number)
            os.close(saved)


def _write_flat_usd(
    source: Path, target: Path, tree: ET.ElementTree[ET.Element], shapes: dict[str, list[Primitive]]
) -> None:
    """Lay the converter's nested links out side by side, and add what it leaves out."""
    from pxr import Gf, Sdf, Usd, UsdGeom, UsdPhysics

    nested = Usd.Stage.Open(str(source))
    nested.SetEditTarget(nested.GetSessionLayer())
    for prim in nested.TraverseAll():
        if prim.IsInstanceable():
            prim.SetInstanceable(False)
    flat = nested.Flatten()

    root = nested.GetDefaultPrim().GetPath()
    stage = Usd.Stage.CreateNew(str(target))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdPhysics.SetStageKilogramsPerUnit(stage, 1.0)
    layer = stage.GetRootLayer()
    robot = UsdGeom.Xform.Define(stage, root).GetPrim()
    stage.SetDefaultPrim(robot)

    joints_from, joints_to = root.AppendChild("Physics"), root.AppendChild("joints")
    materials = root.AppendChild("Materials")
    if flat.GetPrimAtPath(materials):
        Sdf.CopySpec(flat, materials, layer, materials)

    bodies = [p for p in nested.Traverse() if p.HasAPI(UsdPhysics.RigidBodyAPI)]
    moved = {p.GetPath(): root.AppendChild(p.GetName()) for p in bodies}
    poses = UsdGeom.XformCache()
    for prim in bodies:
        path = moved[prim.GetPath()]
        Sdf.CopySpec(flat, prim.GetPath(), layer, path)
        for other in bodies:
            if other.GetPath().HasPrefix(prim.GetPath()) and other != prim:
                inner = other.GetPath().ReplacePrefix(prim.GetPath(), path)
                if stage.GetPrimAtPath(inner):
                    stage.RemovePrim(inner)
        pose = poses.GetLocalToWorldTransform(prim).RemoveScaleShear()
        xform = UsdGeom.Xformable(stage.GetPrimAtPath(path))
        for name in list(xform.GetPrim().GetAuthoredPropertyNames()):
            if name.startswith("xformOp"):
                xform.GetPrim().RemoveProperty(name)
        xform.AddTranslateOp(UsdGeom.XformOp.PrecisionDouble).Set(pose.ExtractTranslation())
        xform.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(pose.ExtractRotationQuat())

    Sdf.CopySpec(flat, joints_from, layer, joints_to)
    limits = {j.get("name"): j.find("limit") for j in tree.getroot().findall("joint")}
    for prim in list(stage.GetPrimAtPath(joints_to).GetChildren()):
        joint = UsdPhysics.Joint(prim)
        ends = [*joint.GetBody0Rel().GetTargets(), *joint.GetBody1Rel().GetTargets()]
        if not all(end in moved for end in ends):
            # The converter nails every base to the world (`root_joint`; some descriptions do so themselves): a walking
            # robot would hang in the air, and PhysX makes nothing but NaN of an arm. Isaac Lab fixes a base in its own
            # way when the robot is spawned.
            stage.RemovePrim(prim.GetPath())
            continue
        for relation in (joint.GetBody0Rel(), joint.GetBody1Rel()):
            relation.SetTargets([moved[t] for t in relation.GetTargets()])
        mimic = prim.GetRelationship("newton:mimicJoint")
        if mimic:
            mimic.SetTargets([t.ReplacePrefix(joints_from, joints_to) for t in mimic.GetTargets()])
        kind = {"PhysicsRevoluteJoint": "angular", "PhysicsPrismaticJoint": "linear"}.get(prim.GetTypeName())
        if kind:
            # Without a drive PhysX ignores position targets. Gains are the actuators' to set.
            drive = UsdPhysics.DriveAPI.Apply(prim, kind)
            drive.CreateTypeAttr("force")
            drive.CreateStiffnessAttr(0.0)
            drive.CreateDampingAttr(0.0)
            limit = limits.get(prim.GetName())
            if limit is not None and limit.get("effort"):
                drive.CreateMaxForceAttr(float(limit.get("effort", "0")))

    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Mesh) and prim.HasAPI(UsdPhysics.CollisionAPI):
            # Newton would thin the hull out to 64 vertices, and cut up to 18 mm off a Go2.
            most = prim.CreateAttribute("newton:maxHullVertices", Sdf.ValueTypeNames.Int)
            most.Set(len(UsdGeom.Mesh(prim).GetPointsAttr().Get()))

    for link, primitives in shapes.items():
        parent = root.AppendChild(link)
        for i, shape in enumerate(primitives):
            path = parent.AppendChild(f"collider_{i}")
            _define_primitive(stage, path, shape)
            prim = stage.GetPrimAtPath(path)
            UsdPhysics.CollisionAPI.Apply(prim)
            UsdGeom.Imageable(prim).CreatePurposeAttr(UsdGeom.Tokens.guide)
            xform = UsdGeom.Xformable(prim)
            xform.AddTranslateOp(UsdGeom.XformOp.PrecisionDouble).Set(Gf.Vec3d(*map(float, shape.position)))
            matrix = Gf.Matrix3d(*map(float, shape.rotation.T.flatten()))
            xform.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(matrix.ExtractRotation().GetQuat())
            if shape.kind == "box":
                xform.AddScaleOp(UsdGeom.XformOp.PrecisionDouble).Set(Gf.Vec3d(*map(float, shape.size)))
    _keep_textures(stage, target.parent / TEXTURES)
    stage.Save()


def _keep_textures(stage, folder: Path) -> None:
    """Copy what materials are painted with beside the file: the converter's own folder is gone in the end."""
    from pxr import Sdf

    for prim in stage.Traverse():
        for attribute in prim.GetAttributes():
            if attribute.GetTypeName() != Sdf.ValueTypeNames.Asset or not attribute.Get():
                continue
            source = Path(attribute.Get().resolvedPath or attribute.Get().path)
            if source.is_file():
                folder.mkdir(exist_ok=True)
                shutil.copyfile(source, folder / source.name)
                attribute.Set(Sdf.AssetPath(f"./{folder.name}/{source.name}"))


def _define_primitive(stage, path, shape: Primitive) -> None:
    from pxr import UsdGeom

    if shape.kind == "sphere":
        UsdGeom.Sphere.Define(stage, path).CreateRadiusAttr(float(shape.size[0]))
    elif shape.kind == "capsule":
        capsule = UsdGeom.Capsule.Define(stage, path)
        capsule.CreateAxisAttr(UsdGeom.Tokens.z)
        capsule.CreateRadiusAttr(float(shape.size[0]))
        capsule.CreateHeightAttr(2.0 * float(shape.size[1]))
    else:
        UsdGeom.Cube.Define(stage, path).CreateSizeAttr(2.0)
