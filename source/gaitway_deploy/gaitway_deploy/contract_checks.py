"""What a schema cannot say of a contract: that lists fit together, that names exist, that numbers are possible."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .names import is_plain_name

if TYPE_CHECKING:
    from .contract import Contract

POSE_ELEMENTS = ("pos_x", "pos_y", "pos_z", "quat_x", "quat_y", "quat_z", "quat_w")
"""Elements of a command of kind ``pose``."""
VELOCITY_ELEMENTS = ("lin_vel_x", "lin_vel_y", "ang_vel_z")
"""Elements of a command of kind ``velocity``."""
MOST_NUMBERS = 10_000_000
"""More numbers than this are no observation of a robot."""


def mistakes(contract: Contract) -> Iterator[str]:
    """What does not fit together, with its path, first things first."""
    yield from _robot_mistakes(contract)
    yield from _policy_mistakes(contract)
    yield from _command_mistakes(contract)
    yield from _action_mistakes(contract)
    yield from _observation_mistakes(contract)
    yield from _task_mistakes(contract)


def _twice(names: Iterable[str], path: str) -> Iterator[str]:
    seen = set()
    for name in names:
        if name in seen:
            yield f"{path}: '{name}' is there twice"
        seen.add(name)


def _upside_down(pair: Sequence[float] | None, path: str) -> Iterator[str]:
    if pair is not None and pair[0] > pair[1]:
        yield f"{path}: the low end {pair[0]:g} is above the high end {pair[1]:g}"


def _unknown_joints(contract: Contract, names: Iterable[str], path: str) -> Iterator[str]:
    for name in names:
        if name not in contract.joint_names:
            yield f"{path}: the robot has no joint '{name}'"
    yield from _twice(names, path)


def _length(values: np.ndarray | None, wanted: int, path: str, what: str) -> Iterator[str]:
    if values is None:
        yield f"{path}: must be a list of {wanted}, one a {what}, is null"
    elif len(values) != wanted:
        yield f"{path}: must have {wanted} numbers, one a {what}, has {len(values)}"


def _robot_mistakes(contract: Contract) -> Iterator[str]:
    robot, timing = contract.robot, contract.timing
    yield from _twice(contract.joint_names, "robot.joints")
    for i, joint in enumerate(robot.joints):
        path = f"robot.joints[{i}]"
        yield from _upside_down(joint.pos_limits, f"{path}.pos_limits")
        yield from _upside_down(joint.actuator.delay_s, f"{path}.actuator.delay_s")
        low, high = joint.pos_limits or (-math.inf, math.inf)
        if not low - 1e-6 <= joint.default_pos <= high + 1e-6:
            yield f"{path}.default_pos: {joint.default_pos:g} is outside the limits {low:g} to {high:g}"
    for name, file in (("urdf", robot.urdf), ("colliders", robot.colliders)):
        if not is_plain_name(file):
            yield f"robot.{name}: '{file}' is not a plain relative path"
    if abs(timing.physics_dt * timing.decimation - timing.control_dt) > 1e-6 * timing.control_dt:
        yield (
            f"timing.control_dt: {timing.control_dt:g} s is not physics_dt * decimation = "
            f"{timing.physics_dt * timing.decimation:g} s"
        )


def _policy_mistakes(contract: Contract) -> Iterator[str]:
    policy = contract.policy
    if not is_plain_name(policy.file):
        yield f"policy.file: '{policy.file}' is not a plain relative path"
    yield from _twice([policy.input, *(item.input for item in policy.state)], "policy: input")
    yield from _twice([policy.output, *(item.output for item in policy.state)], "policy: output")
    for i, item in enumerate(policy.state):
        if math.prod(item.shape) > MOST_NUMBERS:
            yield f"policy.state[{i}].shape: {math.prod(item.shape)} numbers are more than the {MOST_NUMBERS} allowed"


def _command_mistakes(contract: Contract) -> Iterator[str]:
    yield from _twice((command.name for command in contract.commands), "commands")
    for i, command in enumerate(contract.commands):
        path = f"commands[{i}]"
        for j, element in enumerate(command.elements):
            yield from _upside_down((element.low, element.high), f"{path}.elements[{j}]")
        yield from _twice((element.name for element in command.elements), f"{path}.elements")
        yield from _upside_down(command.resample_s, f"{path}.resample_s")
        names = tuple(element.name for element in command.elements)
        wanted = {"pose": POSE_ELEMENTS, "velocity": VELOCITY_ELEMENTS}.get(command.kind, names)
        if names != wanted:
            yield f"{path}.elements: those of a {command.kind} are {', '.join(wanted)}; here are {', '.join(names)}"
        for axis, pair in (command.euler or {}).items():
            yield from _upside_down(pair, f"{path}.euler.{axis}")
        for name in ("euler", "body"):
            given = getattr(command, name) is not None
            if given != (command.kind == "pose"):
                yield f"{path}.{name}: " + ("is for a pose alone" if given else "a pose must have it")


_ACTION_FIELDS = {
    "joint_position": (("scale", "offset"), ("open", "close")),
    "relative_joint_position": (("scale",), ("offset", "open", "close")),
    "binary_joint": (("open", "close"), ("scale", "offset", "clip")),
}
"""What an action of each type must have for each of its joints, and what it has not."""


def _action_mistakes(contract: Contract) -> Iterator[str]:
    yield from _twice((action.name for action in contract.actions), "actions")
    for i, action in enumerate(contract.actions):
        path = f"actions[{i}]"
        yield from _unknown_joints(contract, action.joints, f"{path}.joints")
        yield from _upside_down(action.delay_s, f"{path}.delay_s")
        needed, unknown = _ACTION_FIELDS[action.type]
        for name in needed:
            yield from _length(getattr(action, name), len(action.joints), f"{path}.{name}", "joint")
        for name in unknown:
            if getattr(action, name) is not None:
                yield f"{path}.{name}: a {action.type} action has none; it must be null"
        if action.clip is not None:
            yield from _length(action.clip, len(action.joints), f"{path}.clip", "joint")
            for j, pair in enumerate(action.clip):
                yield from _upside_down(pair, f"{path}.clip[{j}]")
    yield from _twice((joint for action in contract.actions for joint in action.joints), "actions: joint")


def _observation_mistakes(contract: Contract) -> Iterator[str]:
    commands = {command.name: command.width for command in contract.commands}
    yield from _twice((term.name for term in contract.observations), "observations")
    for i, term in enumerate(contract.observations):
        path = f"observations[{i}]"
        wanted = {
            "joint_pos": len(term.joints or ()),
            "joint_vel": len(term.joints or ()),
            "base_lin_vel": 3,
            "base_ang_vel": 3,
            "projected_gravity": 3,
            "command": commands.get(term.command or "", term.width),
            "last_action": contract.action_width,
        }.get(term.kind, term.width)
        if (term.joints is None) == (term.kind in ("joint_pos", "joint_vel")):
            yield f"{path}.joints: " + (
                f"a term of kind {term.kind} must name its joints" if term.joints is None else "must be null"
            )
        yield from _unknown_joints(contract, term.joints or (), f"{path}.joints")
        if (term.command is None) == (term.kind == "command"):
            yield f"{path}.command: " + (
                "a term of kind command must name it" if term.command is None else "must be null"
            )
        if term.command is not None and term.command not in commands:
            yield f"{path}.command: there is no command '{term.command}'"
        if term.width != wanted:
            yield f"{path}.width: must be {wanted} for this {term.kind}, is {term.width}"
        yield from _length(term.scale, term.width, f"{path}.scale", "element")
        if term.offset is not None:
            if term.kind not in ("joint_pos", "joint_vel", "base_lin_vel"):
                yield f"{path}.offset: a term of kind {term.kind} has none; it must be null"
            yield from _length(term.offset, term.width, f"{path}.offset", "element")
        yield from _upside_down(term.clip, f"{path}.clip")
        yield from _upside_down(term.latency_s, f"{path}.latency_s")
        if term.noise is not None:
            yield from _upside_down((term.noise.low, term.noise.high), f"{path}.noise")
        if term.kind == "projected_gravity" and not any(contract.robot.gravity):
            yield f"{path}.kind: there is no gravity to project; see robot.gravity"
    if contract.obs_width > MOST_NUMBERS:
        yield f"observations: {contract.obs_width} numbers are more than the {MOST_NUMBERS} allowed"


def _task_mistakes(contract: Contract) -> Iterator[str]:
    success, reset = contract.task.success, contract.task.reset
    kinds = {command.name: command.kind for command in contract.commands}
    wanted = {"kept_velocity": "velocity", "reached": "pose"}.get(success.kind)
    if wanted is not None and kinds.get(success.command or "") != wanted:
        yield f"task.success.command: there is no command '{success.command}' of kind {wanted}"
    yield from _upside_down((reset.joint_pos.low, reset.joint_pos.high), "task.reset.joint_pos")
    yield from _unknown_joints(contract, reset.joint_pos.joints, "task.reset.joint_pos.joints")
    yield from _upside_down(reset.yaw, "task.reset.yaw")
    yield from _twice(contract.task.scene, "task.scene")


def first_not_finite(value: Any, path: str) -> str | None:
    """Numbers that JSON can spell but no float can hold, such as 1e999."""
    if isinstance(value, dict):
        found = (first_not_finite(item, f"{path}.{name}" if path else name) for name, item in value.items())
    elif isinstance(value, list):
        found = (first_not_finite(item, f"{path}[{i}]") for i, item in enumerate(value))
    else:
        large = isinstance(value, (int, float)) and not abs(value) <= 1e300
        return f"{path}: must be a finite number" if large else None
    return next((error for error in found if error), None)
