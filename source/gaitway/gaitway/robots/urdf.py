"""Reading a URDF, and merging links that cannot move against each other.

Only what the conversion to USD needs: mesh files by path, and fewer bodies. Numbers are those of the file.
"""

from __future__ import annotations

import copy
import re
import warnings
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaitway.errors import UsageError


class AssetError(UsageError):
    """A robot description that cannot be read or converted; the message names the file and the remedy."""


def load_urdf(path: Path, packages: dict[str, Path]) -> ET.ElementTree[ET.Element]:
    """Parse a URDF, with absolute paths in place of ``package://`` mesh addresses, and with names that USD allows.

    Args:
        path: The URDF file.
        packages: Folder of each package that the file refers to, by package name.

    Raises:
        AssetError: The file is missing, is no URDF, names a mesh that does not exist, or has names that USD confuses.
    """
    try:
        tree = ET.parse(path)
    except (FileNotFoundError, IsADirectoryError):
        raise AssetError(f"{path}: no such robot description; check the path given to RobotAsset.") from None
    except ET.ParseError as error:
        raise AssetError(
            f"{path}: not readable as XML ({error}); is it a URDF, or a xacro yet to be expanded?"
        ) from None
    if tree.getroot().tag != "robot":
        raise AssetError(f"{path}: the root element is <{tree.getroot().tag}>, not <robot>; this is no URDF.")
    _check_structure(tree.getroot(), path)
    for mesh in tree.iter("mesh"):
        mesh.set("filename", str(_resolve_mesh(mesh.get("filename", ""), path, packages)))
    _use_usd_names(tree.getroot(), path)
    return tree


def usd_name(name: str) -> str:
    """A name as USD allows it: what is neither letter, digit nor underscore becomes an underscore."""
    return re.sub("[^A-Za-z0-9_]", "_", name)


def _use_usd_names(robot: ET.Element, path: Path) -> None:
    """Rename links and joints as USD wants them.

    Raises:
        AssetError: Two would have the same name.
    """
    for tag in ("link", "joint"):
        taken: dict[str, str] = {}
        for element in robot.findall(tag):
            old = element.get("name", "")
            new = usd_name(old)
            if taken.setdefault(new, old) != old:
                raise AssetError(
                    f"{path}: {tag}s '{taken[new]}' and '{old}' would both be named '{new}', for USD takes letters, "
                    "digits and underscores only; rename one."
                )
            element.set("name", new)
    for joint in robot.findall("joint"):
        for tag, key in (("parent", "link"), ("child", "link"), ("mimic", "joint")):
            reference = joint.find(tag)
            if reference is not None:
                reference.set(key, usd_name(reference.get(key, "")))


def _check_structure(robot: ET.Element, path: Path) -> None:
    """Refuse what would otherwise fail deep inside, or not at all.

    Raises:
        AssetError: A name is used twice, a joint hangs in the air, or a number is none.
    """
    names = [link.get("name", "") for link in robot.findall("link")]
    for name in names:
        if names.count(name) > 1:
            raise AssetError(f"{path}: there are {names.count(name)} links named '{name}'; names must be unique.")
    for joint in robot.findall("joint"):
        for end in ("parent", "child"):
            element = joint.find(end)
            name = "" if element is None else element.get("link", "")
            if name not in names:
                raise AssetError(f"{path}: joint '{joint.get('name')}' has as its {end} '{name}', which is no link.")
    for link in robot.findall("link"):
        if link.find("inertial") is None:
            continue
        try:
            read_inertial(link)
        except (AttributeError, KeyError, ValueError) as error:
            raise AssetError(
                f"{path}: the inertial of link '{link.get('name')}' is not readable ({error!r})."
            ) from error


def _resolve_mesh(address: str, urdf: Path, packages: dict[str, Path]) -> Path:
    if address.startswith("package://"):
        package, _, rest = address.removeprefix("package://").partition("/")
        if package not in packages:
            raise AssetError(f"{urdf}: mesh '{address}' is in package '{package}', whose folder was not given.")
        file = packages[package] / rest
    else:
        file = urdf.parent / address.removeprefix("file://")
    if not file.is_file():
        raise AssetError(
            f"{urdf}: mesh '{address}' does not exist (looked for {file}). "
            "Install the package that carries it, or correct the URDF."
        )
    return file.resolve()


def mesh_files(tree: ET.ElementTree[ET.Element]) -> list[Path]:
    """Mesh files that a loaded URDF refers to, sorted, each once."""
    return sorted({Path(mesh.get("filename", "")) for mesh in tree.iter("mesh")})


@dataclass(frozen=True)
class Inertial:
    """Mass properties of a rigid body, in the frame of its link."""

    mass: float
    """Mass. Unit: kg."""
    com: np.ndarray
    """Centre of mass. Shape is (3,). Unit: m."""
    inertia: np.ndarray
    """Rotational inertia about the centre of mass, axes of the link. Shape is (3, 3). Unit: kg·m²."""

    def moved(self, rotation: np.ndarray, position: np.ndarray) -> Inertial:
        """The same body seen from a frame in which this link has the given pose."""
        return Inertial(self.mass, rotation @ self.com + position, rotation @ self.inertia @ rotation.T)

    def __add__(self, other: Inertial) -> Inertial:
        """Two bodies welded together (parallel-axis theorem)."""
        mass = self.mass + other.mass
        if mass == 0.0:
            return self
        com = (self.mass * self.com + other.mass * other.com) / mass
        inertia = np.sum(
            [
                body.inertia + body.mass * ((d := body.com - com) @ d * np.eye(3) - np.outer(d, d))
                for body in (self, other)
            ],
            axis=0,
        )
        return Inertial(mass, com, inertia)


def merge_fixed_links(
    tree: ET.ElementTree[ET.Element], keep: frozenset[str] = frozenset()
) -> ET.ElementTree[ET.Element]:
    """Weld links on fixed joints to their parents: fewer bodies, the same robot.

    Inertias add up, visuals and collision shapes move along. Links stay when they are in ``keep``, when their joint
    says ``dont_collapse="true"`` (feet, whose contacts a task wants to tell apart), or when they have no inertia
    (plain frames, which cost an engine nothing). A link that moves and has no inertia of its own, such as the base of
    some descriptions, has that of the links that it carries.

    Returns:
        A new tree; the given one is unchanged.
    """
    tree = copy.deepcopy(tree)
    root = tree.getroot()
    links = {link.get("name", ""): link for link in root.findall("link")}
    fixed = {_end(j, "child") for j in root.findall("joint") if j.get("type") == "fixed"}
    for joint in [j for j in root.findall("joint") if j.get("type") == "fixed"]:
        parent_name, child_name = _end(joint, "parent"), _end(joint, "child")
        parent, child = links[parent_name], links[child_name]
        if child_name in keep or joint.get("dont_collapse") == "true":
            continue
        if child.find("inertial") is None or (parent.find("inertial") is None and parent_name in fixed):
            continue
        rotation, position = read_origin(joint)
        body = read_inertial(child).moved(rotation, position)
        _write_inertial(parent, body if parent.find("inertial") is None else read_inertial(parent) + body)
        for shape in child.findall("visual") + child.findall("collision"):
            write_origin(shape, *_compose((rotation, position), read_origin(shape)))
            parent.append(shape)
        for other in root.findall("joint"):
            if other is not joint and _end(other, "parent") == child_name:
                write_origin(other, *_compose((rotation, position), read_origin(other)))
                other.find("parent").set("link", parent_name)  # type: ignore[union-attr]
        root.remove(joint)
        root.remove(child)
    return tree


def _end(joint: ET.Element, which: str) -> str:
    return joint.find(which).get("link", "")  # type: ignore[union-attr]


def _numbers(text: str | None, default: str) -> np.ndarray:
    return np.array([float(x) for x in (text or default).split()])


def read_origin(element: ET.Element) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (3, 3) and position (3,) of an element's ``<origin>``; identity where it has none."""
    origin = element.find("origin")
    if origin is None:
        return np.eye(3), np.zeros(3)
    angles, position = _numbers(origin.get("rpy"), "0 0 0"), _numbers(origin.get("xyz"), "0 0 0")
    if angles.shape == (3,) and not angles.any():
        return np.eye(3), position
    from scipy.spatial.transform import Rotation  # slow to import, and seldom needed just to look at a robot

    return Rotation.from_euler("xyz", angles).as_matrix(), position


def write_origin(element: ET.Element, rotation: np.ndarray, position: np.ndarray) -> None:
    """Set an element's ``<origin>`` from a rotation (3, 3) and a position (3,)."""
    from scipy.spatial.transform import Rotation

    origin = element.find("origin")
    if origin is None:
        origin = ET.SubElement(element, "origin")
    origin.set("xyz", " ".join(repr(float(x)) for x in position))
    with warnings.catch_warnings():
        # Of a quarter turn about y many angles are right, and any of them will do.
        warnings.filterwarnings("ignore", "Gimbal lock")
        angles = Rotation.from_matrix(rotation).as_euler("xyz")
    origin.set("rpy", " ".join(repr(float(x)) for x in angles))


def _compose(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return a[0] @ b[0], a[0] @ b[1] + a[1]


def read_inertial(link: ET.Element) -> Inertial:
    """Mass properties of a link that has an ``<inertial>``."""
    element = link.find("inertial")
    assert element is not None
    rotation, position = read_origin(element)
    value = {k: float(v) for k, v in element.find("inertia").attrib.items()}  # type: ignore[union-attr]
    inertia = np.array(
        [
            [value["ixx"], value.get("ixy", 0.0), value.get("ixz", 0.0)],
            [value.get("ixy", 0.0), value["iyy"], value.get("iyz", 0.0)],
            [value.get("ixz", 0.0), value.get("iyz", 0.0), value["izz"]],
        ]
    )
    mass = float(element.find("mass").get("value", "0"))  # type: ignore[union-attr]
    return Inertial(mass, position, rotation @ inertia @ rotation.T)


def _write_inertial(link: ET.Element, body: Inertial) -> None:
    element = link.find("inertial")
    if element is None:
        element = ET.SubElement(link, "inertial")
        ET.SubElement(element, "mass")
        ET.SubElement(element, "inertia")
    write_origin(element, np.eye(3), body.com)
    element.find("mass").set("value", repr(float(body.mass)))  # type: ignore[union-attr]
    for name, (row, column) in {
        "ixx": (0, 0), "ixy": (0, 1), "ixz": (0, 2), "iyy": (1, 1), "iyz": (1, 2), "izz": (2, 2),
    }.items():  # fmt: skip
        element.find("inertia").set(name, repr(float(body.inertia[row, column])))  # type: ignore[union-attr]
