"""The robot as a bundle carries it: two URDFs and the meshes that they name, the same bytes for the same robot."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gaitway.robots.assets import RobotAsset
from gaitway.robots.urdf import AssetError, write_origin

if TYPE_CHECKING:
    from gaitway.robots.colliders import Primitive

URDF, COLLIDERS = "robot/robot.urdf", "robot/colliders.urdf"
"""With the collision shapes of the description, and with those that the policy was trained with."""
MESHES = "meshes"
"""Folder of the meshes, beside the URDFs."""
_KEPT = {"link", "joint"}
_KEPT_OF_LINK = {"inertial", "collision"}


def robot_files(asset: RobotAsset) -> dict[str, bytes]:
    """The files of a robot's description.

    ``robot/robot.urdf`` has the collision shapes of the description, ``robot/colliders.urdf`` those that the policy was
    trained with. In both, links on fixed joints are merged as in training, and there are no visuals.

    Args:
        asset: The robot, with the colliders it was trained with.

    Returns:
        Contents by name: the two URDFs, and meshes as binary STL.

    Raises:
        AssetError: A mesh cannot be read.
    """
    from gaitway.robots.colliders import replace_mesh_colliders  # scipy's optimisers are slow to import

    described, trained = asset.load(), asset.load()
    if asset.colliders == "primitives":
        for link, fits in replace_mesh_colliders(trained, asset.collider_kinds).items():
            _add_primitives(trained, link, [fit.shape for fit in fits])
    names: dict[tuple[str, str], str] = {}
    files: dict[str, bytes] = {}
    for file, tree in ((URDF, described), (COLLIDERS, trained)):
        _strip(tree.getroot())
        folder = file.rpartition("/")[0]
        for mesh in tree.iter("mesh"):
            source = mesh.get("filename", "")
            key = (source, mesh.attrib.pop("scale", "1 1 1"))
            if key not in names:
                names[key] = _free_name(Path(source).stem, set(names.values()))
                files[f"{folder}/{names[key]}"] = _stl(*key)
            mesh.set("filename", names[key])
        ET.indent(tree)
        files[file] = ET.tostring(tree.getroot(), encoding="us-ascii", xml_declaration=True) + b"\n"
    return files


def _strip(root: ET.Element) -> None:
    """Leave what moves and what touches."""
    for element in [element for element in root if element.tag not in _KEPT]:
        root.remove(element)
    for link in root.findall("link"):
        for element in [element for element in link if element.tag not in _KEPT_OF_LINK]:
            link.remove(element)


def _add_primitives(tree: ET.ElementTree[ET.Element], link: str, shapes: list[Primitive]) -> None:
    parent = next(element for element in tree.getroot().findall("link") if element.get("name") == link)
    for shape in shapes:
        collision = ET.SubElement(parent, "collision")
        write_origin(collision, shape.rotation, shape.position)
        geometry = ET.SubElement(collision, "geometry")
        if shape.kind == "sphere":
            ET.SubElement(geometry, "sphere", radius=_text(shape.size[0]))
        elif shape.kind == "capsule":
            # Known from URDF 1.2 on. The length is that of the axis, without the caps.
            tree.getroot().set("version", "1.2")
            ET.SubElement(geometry, "capsule", radius=_text(shape.size[0]), length=_text(2.0 * shape.size[1]))
        else:
            ET.SubElement(geometry, "box", size=" ".join(_text(2.0 * half) for half in shape.size))


def _text(value: float) -> str:
    return repr(float(value))


def _free_name(stem: str, taken: set[str]) -> str:
    """A name for a mesh; two files of one name may come from different folders."""
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in stem) or "mesh"
    names = (f"{MESHES}/{stem}{'' if number == 1 else f'_{number}'}.stl" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _stl(source: str, scale: str) -> bytes:
    """A mesh of any format as binary STL, at its size."""
    import trimesh

    try:
        mesh = trimesh.load(source, force="mesh")
        triangles = np.array(mesh.triangles, dtype=np.float64) * [float(x) for x in scale.split()]
    except Exception as error:
        raise AssetError(f"{source}: not readable as a mesh ({error}).") from error
    if len(triangles) == 0:
        raise AssetError(f"{source}: a mesh without triangles; correct the robot's description.")
    # Written here, so that no library's version is in the bytes.
    records = np.zeros(len(triangles), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    records["normal"] = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0.0)
    records["corners"] = triangles
    return b"\0" * 80 + len(triangles).to_bytes(4, "little") + records.tobytes()
