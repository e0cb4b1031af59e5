"""The robot's description in a bundle, held against the contract."""

from __future__ import annotations

import math
import posixpath
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .contract import Contract, Joint
from .errors import BundleError
from .names import is_plain_name

_MOVABLE = {"revolute": "rad", "continuous": "rad", "prismatic": "m"}


@dataclass(frozen=True)
class _Joint:
    """A joint of a URDF, as far as two descriptions of one robot must agree."""

    type: str
    parent: str
    child: str
    origin: tuple[float, ...]
    axis: tuple[float, ...]
    limit: tuple[float | None, ...]
    """Low, high, effort, velocity; None where nothing is said."""
    mimic: bool


def check_descriptions(files: Mapping[str, bytes], contract: Contract) -> None:
    """Check both URDFs of a bundle, their meshes, and that they and the contract are of one robot.

    Raises:
        BundleError: They are not; the message names the file.
    """
    robot = contract.robot
    descriptions = {}
    for file in (robot.urdf, robot.colliders):
        root = _parse(files[file], file)
        try:
            descriptions[file] = _links(root), _joints(root)
        except (AttributeError, ValueError) as error:
            raise BundleError(f"{file}: not readable as a URDF ({error}); export the policy anew.") from None
        _check_against_contract(*descriptions[file], contract, file)
        for mesh in sorted(_mesh_files(root, file)):
            if mesh not in files:
                raise BundleError(f"{mesh}: missing; {file} names this mesh. Fetch the whole bundle again.")
            _check_stl(files[mesh], mesh)
    for one, other, what in zip(descriptions[robot.urdf], descriptions[robot.colliders], ("links", "joints")):
        if one != other:
            raise BundleError(
                f"{robot.colliders}: its {what} are not those of {robot.urdf}; they may differ in collision shapes "
                "only. Export the policy anew."
            )


def _parse(data: bytes, file: str) -> ET.Element:
    # Entities can name other files and grow without end. UTF-16, which has zeros, would hide them from this search.
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or b"\0" in data:
        raise BundleError(f"{file}: declares a document type or entities, or is not in UTF-8; a bundle's XML is plain.")
    try:
        root = ET.fromstring(data, ET.XMLParser(encoding="utf-8"))
    except (ET.ParseError, ValueError, LookupError) as error:
        raise BundleError(f"{file}: not readable as XML ({error}); the file is damaged, fetch it again.") from None
    if root.tag != "robot":
        raise BundleError(f"{file}: the root element is not <robot>; this is no URDF.")
    for element in root.iter():
        # MuJoCo's own settings can name folders, and inclusions other files.
        if element.tag in ("mujoco", "include") or "file" in element.attrib:
            raise BundleError(f"{file}: <{element.tag}> would have an engine read other files; remove it.")
    return root


def _links(root: ET.Element) -> frozenset[str]:
    names = [link.get("name", "") for link in root.findall("link")]
    if len(set(names)) != len(names):
        raise ValueError("two links have one name")
    return frozenset(names)


def _joints(root: ET.Element) -> dict[str, _Joint]:
    found: dict[str, _Joint] = {}
    for element in root.findall("joint"):
        name = element.get("name", "")
        if name in found:
            raise ValueError(f"there are two joints '{name}'")
        origin, axis, limit = (_attributes(element, tag) for tag in ("origin", "axis", "limit"))
        found[name] = _Joint(
            type=element.get("type", ""),
            parent=_attributes(element, "parent").get("link", ""),
            child=_attributes(element, "child").get("link", ""),
            origin=_numbers(origin.get("xyz", "0 0 0"), 3) + _numbers(origin.get("rpy", "0 0 0"), 3),
            axis=_numbers(axis.get("xyz", "1 0 0"), 3),
            limit=tuple(
                _numbers(limit[key], 1)[0] if key in limit else None for key in ("lower", "upper", "effort", "velocity")
            ),
            mimic=element.find("mimic") is not None,
        )
    return found


def _attributes(element: ET.Element, tag: str) -> Mapping[str, str]:
    inner = element.find(tag)
    return {} if inner is None else inner.attrib


def _numbers(text: str, count: int) -> tuple[float, ...]:
    values = tuple(float(part) for part in text.split())
    if len(values) != count or not all(map(math.isfinite, values)):
        raise ValueError(f"'{text[:60]}' is not {count} finite numbers")
    return values


def _check_against_contract(links: frozenset[str], joints: Mapping[str, _Joint], contract: Contract, file: str) -> None:
    robot, task = contract.robot, contract.task
    named = {
        "robot.base_link": robot.base_link,
        "robot.imu_link": robot.imu_link,
        "task.success.body": task.success.body,
    }
    named.update({f"commands[{i}].body": command.body for i, command in enumerate(contract.commands)})
    for i, failure in enumerate(task.failures):
        named.update({f"task.failures[{i}].bodies[{j}]": body for j, body in enumerate(failure.bodies)})
    for field, link in named.items():
        if link is not None and link not in links:
            raise BundleError(f"{file}: has no link '{link}', which the contract names as {field}.")
    for name, joint in joints.items():
        for link in (joint.parent, joint.child):
            if link not in links:
                raise BundleError(f"{file}: the joint '{name}' is on '{link}', which is no link.")
        if joint.type in _MOVABLE and not joint.mimic and name not in contract.joint_names:
            raise BundleError(f"{file}: the joint '{name}' is not among the contract's; they are of different robots.")
    for i, spec in enumerate(robot.joints):
        joint_or_none = joints.get(spec.name)
        if joint_or_none is None or _MOVABLE.get(joint_or_none.type) != spec.unit:
            raise BundleError(
                f"{file}: has no joint '{spec.name}' that moves in {spec.unit}, as robot.joints[{i}] says."
            )
        _check_limits(joint_or_none, spec, f"robot.joints[{i}]", file)


def _check_limits(joint: _Joint, spec: Joint, path: str, file: str) -> None:
    """The contract may be stricter than the description, never laxer. What came through float32 may differ by that."""
    low, high, effort, velocity = joint.limit
    slack = 1e-4
    if joint.type != "continuous" and low is not None and high is not None:
        given = spec.pos_limits or (-math.inf, math.inf)
        if given[0] < low - slack or given[1] > high + slack:
            raise BundleError(
                f"{file}: the joint '{spec.name}' goes from {low:g} to {high:g}; {path}.pos_limits lets it go from "
                f"{given[0]:g} to {given[1]:g}. Correct the robot's configuration and export anew."
            )
    for name, most, given_most in (
        ("effort_limit", effort, spec.effort_limit),
        ("vel_limit", velocity, spec.vel_limit),
    ):
        # Descriptions write 0 where nothing is known.
        if most and (math.inf if given_most is None else given_most) > most * (1.0 + slack):
            raise BundleError(
                f"{file}: the joint '{spec.name}' has at most {most:g}; {path}.{name} allows more. "
                "Correct the robot's configuration and export anew."
            )


def _mesh_files(root: ET.Element, file: str) -> set[str]:
    found = set()
    for element in root.iter():
        address = element.get("filename")
        if address is None:
            continue
        if element.tag != "mesh" or not is_plain_name(address):
            raise BundleError(f"{file}: '{address[:200]}' is not a mesh with a plain relative path.")
        found.add(posixpath.join(posixpath.dirname(file), address))
    return found


def _check_stl(data: bytes, file: str) -> None:
    count = int.from_bytes(data[80:84], "little")
    if len(data) < 84 or count == 0 or len(data) != 84 + 50 * count:
        raise BundleError(f"{file}: not a whole binary STL; fetch it again.")
    triangles = np.frombuffer(data, dtype=[("numbers", "<f4", 12), ("attribute", "<u2")], offset=84)
    if not np.isfinite(triangles["numbers"]).all():
        raise BundleError(f"{file}: holds numbers that are not finite; export the policy anew.")
