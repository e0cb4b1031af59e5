"""The contract: all that a robot must know to run a policy, read from ``contract.json`` and checked.

``contract.schema.json`` says what may be written; what a schema cannot say (that lists fit together, that names exist)
is checked here. Arrays of a contract are read-only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from . import __version__
from .contract_checks import first_not_finite, mistakes
from .errors import BundleError
from .schema import Schema

FORMAT = "gaitway.contract"
VERSION = 1
"""The version of the contract that this package reads."""
JOINT_KINDS = ("joint_pos", "joint_vel")
"""Kinds of observations that are one number a joint."""


@lru_cache(maxsize=1)
def contract_schema() -> Mapping[str, Any]:
    """The JSON Schema of ``contract.json``. Not to be changed."""
    return json.loads((files(__package__) / "contract.schema.json").read_text(encoding="utf-8"))


# -- the parts ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MadeBy:
    """Where a policy comes from."""

    gaitway: str
    """Version of Gaitway."""
    task: str
    agent: str
    step: int
    """Steps of environments that it was trained for."""
    engine: str
    """Physics engine that it was trained in."""
    created: str


@dataclass(frozen=True)
class Actuator:
    """How a joint's motor was modelled in training."""

    model: str
    """``implicit_pd``: integrated with the physics. ``ideal_pd``: computed once a physics step."""
    delay_s: tuple[float, float]
    """Least and most delay of its command. Unit: s."""


@dataclass(frozen=True)
class Joint:
    """A joint of the robot. Units are those of ``unit``: rad, N·m, kg·m², or m, N, kg."""

    name: str
    unit: str
    default_pos: float
    pos_limits: tuple[float, float] | None
    """None for a joint that turns without end."""
    vel_limit: float | None
    effort_limit: float | None
    stiffness: float
    damping: float
    armature: float
    friction: float
    actuator: Actuator


@dataclass(frozen=True)
class RobotSpec:
    """The robot that a policy was trained on."""

    name: str
    urdf: str
    """File of the bundle: the robot with the collision shapes of its description."""
    colliders: str
    """File of the bundle: the robot with the collision shapes that it was trained with."""
    base_link: str
    floating_base: bool
    gravity: tuple[float, float, float]
    """World frame. Unit: m/s²."""
    gravity_compensated: bool
    """Whether the robot's own controller carries the weight of its links."""
    initial_base_pos: tuple[float, float, float]
    """Where the base is in the world at the default pose. Unit: m."""
    imu_link: str
    self_collision: bool
    joints: tuple[Joint, ...]


@dataclass(frozen=True)
class Timing:
    """Rates. Unit: s."""

    control_dt: float
    physics_dt: float
    decimation: int


@dataclass(frozen=True)
class StateSpec:
    """A tensor that a policy remembers from step to step; it begins as zeros."""

    input: str
    output: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class PolicySpec:
    """The ONNX file and its inputs and outputs."""

    file: str
    input: str
    output: str
    state: tuple[StateSpec, ...]
    algorithm: str
    library: str
    opset: int


@dataclass(frozen=True)
class History:
    """Frames of a term that are given together; the first after a reset fills all."""

    length: int
    """The newest frame included: 1 is no history."""
    layout: str


@dataclass(frozen=True)
class Noise:
    """What was added to a value in training."""

    type: str
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class ObservationTerm:
    """A part of the observation: value, then clip, then scale, then history."""

    name: str
    kind: str
    width: int
    """Numbers of one frame."""
    unit: str
    frame: str
    source: str
    """The sensor that must give it."""
    description: str
    scale: np.ndarray
    """Shape is (width,)."""
    clip: tuple[float, float] | None
    history: History
    joints: tuple[str, ...] | None
    command: str | None
    offset: np.ndarray | None
    """Of joints: what is subtracted. Of ``base_lin_vel``: the base link's centre of mass in its frame, whose velocity
    is meant. Shape is (width,)."""
    noise: Noise | None
    latency_s: tuple[float, float]
    start: int
    """Where it begins in the observation."""

    @property
    def size(self) -> int:
        """Numbers that it contributes to the observation, history included."""
        return self.width * self.history.length

    @property
    def stop(self) -> int:
        """Where it ends in the observation."""
        return self.start + self.size


@dataclass(frozen=True)
class CommandElement:
    """One number of a command, and the range that it is drawn from."""

    name: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True)
class Command:
    """What the robot is asked to do."""

    name: str
    kind: str
    """``velocity``, ``pose`` or ``other``."""
    frame: str
    elements: tuple[CommandElement, ...]
    resample_s: tuple[float, float]
    """After how long a new one was drawn in training."""
    zero_share: float
    """Share of the draws that are zero."""
    euler: Mapping[str, tuple[float, float]] | None
    """Of a pose: ranges of ``roll``, ``pitch``, ``yaw`` that are drawn, about the fixed x, y, z axes. Unit: rad."""
    body: str | None
    """Of a pose: the link that is to get there."""

    @property
    def width(self) -> int:
        """Number of its elements."""
        return len(self.elements)


@dataclass(frozen=True, eq=False)
class ActionTerm:
    """A part of the policy's output, and the joints that it drives."""

    name: str
    type: str
    """``joint_position``: target = offset + scale * action, then clip. ``relative_joint_position``: target = measured
    position + scale * action, then clip. ``binary_joint``: one number, ``open`` where it is 0 or more, else
    ``close``."""
    joints: tuple[str, ...]
    scale: np.ndarray | None
    offset: np.ndarray | None
    clip: np.ndarray | None
    """Range of each target. Shape is (joints, 2)."""
    open: np.ndarray | None
    close: np.ndarray | None
    delay_s: tuple[float, float]
    start: int
    """Where it begins in the policy's output."""

    @property
    def width(self) -> int:
        """Numbers of the policy's output that it takes."""
        return 1 if self.type == "binary_joint" else len(self.joints)

    @property
    def stop(self) -> int:
        """Where it ends in the policy's output."""
        return self.start + self.width


@dataclass(frozen=True)
class Success:
    """When an episode succeeded. What is not of its kind is None."""

    kind: str
    """``kept_velocity``, ``reached`` or ``other``."""
    command: str | None = None
    body: str | None = None
    linear: float | None = None
    angular: float | None = None
    position: float | None = None
    orientation: float | None = None


@dataclass(frozen=True)
class Failure:
    """What ends an episode before its time."""

    kind: str
    """``tilt``, ``contact`` or ``other``."""
    limit: float | None = None
    bodies: tuple[str, ...] = ()
    force: float | None = None


@dataclass(frozen=True)
class JointReset:
    """How the joints begin an episode."""

    kind: str
    """``scale`` (times the default), ``offset`` (from the default) or ``none``."""
    low: float
    high: float
    joints: tuple[str, ...]


@dataclass(frozen=True)
class Reset:
    """How an episode begins."""

    joint_pos: JointReset
    yaw: tuple[float, float]


@dataclass(frozen=True)
class Task:
    """What the policy was trained for."""

    episode_length_s: float
    summary: str
    success_text: str
    success: Success
    failures: tuple[Failure, ...]
    reset: Reset
    scene: tuple[str, ...]
    """What there is beside the robot, such as ``ground``."""


# -- the whole ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Contract:
    """All that a robot must know to run a policy. Two are equal when they say the same."""

    raw: Mapping[str, Any]
    """As parsed from JSON. Not to be changed."""
    made_by: MadeBy
    robot: RobotSpec
    timing: Timing
    policy: PolicySpec
    observations: tuple[ObservationTerm, ...]
    commands: tuple[Command, ...]
    actions: tuple[ActionTerm, ...]
    task: Task

    joint_names: tuple[str, ...]
    """In the order of all joint arrays."""
    default_pos: np.ndarray
    """Shape is (joints,), as of all that follow."""
    pos_limits: np.ndarray
    """Shape is (joints, 2); infinite where there is no limit."""
    vel_limit: np.ndarray
    effort_limit: np.ndarray
    stiffness: np.ndarray
    damping: np.ndarray
    armature: np.ndarray
    friction: np.ndarray

    @classmethod
    def from_dict(cls, data: Any) -> Contract:
        """Check a contract as parsed from JSON, and read it.

        Raises:
            BundleError: It is of another version, breaks the schema, or does not fit together.
        """
        _check_version(data)
        error = Schema(contract_schema()).first_error(data)
        if error is None:
            error = first_not_finite(data, "")
        if error is None:
            contract = _read(data)
            error = next(mistakes(contract), None)
        if error is not None:
            raise BundleError(f"contract.json: {error}. Export the policy anew rather than mend it by hand.")
        return contract

    @property
    def control_dt(self) -> float:
        """Time between two actions. Unit: s."""
        return self.timing.control_dt

    @property
    def obs_width(self) -> int:
        """Numbers of the observation."""
        return self.observations[-1].stop

    @property
    def action_width(self) -> int:
        """Numbers of the policy's output."""
        return self.actions[-1].stop

    def observation(self, name: str) -> ObservationTerm:
        """The observation term of a name.

        Raises:
            KeyError: There is none.
        """
        return _named(self.observations, name)

    def command(self, name: str) -> Command:
        """The command of a name.

        Raises:
            KeyError: There is none.
        """
        return _named(self.commands, name)

    def joint_indices(self, names: Iterable[str]) -> np.ndarray:
        """Where joints are in joint arrays. Shape is (names,), int."""
        return np.array([self.joint_names.index(name) for name in names], dtype=np.intp)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Contract) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(canonical_json(self.raw))


def canonical_json(data: Any) -> bytes:
    """The one way in which JSON is written in a bundle."""
    text = json.dumps(data, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=True)
    return (text + "\n").encode("ascii")


def compact_json(data: Any) -> str:
    """The one way in which the contract is written into the ONNX file's metadata."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _named(items: Sequence[Any], name: str) -> Any:
    for item in items:
        if item.name == name:
            return item
    raise KeyError(name)


# -- reading ------------------------------------------------------------------------------------------


def _array(values: Any) -> np.ndarray:
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


def _array_or_none(values: Any) -> np.ndarray | None:
    return None if values is None else _array(values)


def _pair(values: Sequence[float]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _names(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _read(data: Mapping[str, Any]) -> Contract:
    joints = tuple(_read_joint(joint) for joint in data["robot"]["joints"])
    endless = (-math.inf, math.inf)
    return Contract(
        raw=data,
        made_by=MadeBy(**{**data["made_by"], "step": int(data["made_by"]["step"])}),
        robot=_read_robot(data["robot"], joints),
        timing=Timing(
            float(data["timing"]["control_dt"]),
            float(data["timing"]["physics_dt"]),
            int(data["timing"]["decimation"]),
        ),
        policy=_read_policy(data["policy"]),
        observations=_read_observations(data["observations"]),
        commands=tuple(_read_command(command) for command in data["commands"]),
        actions=_read_actions(data["actions"]),
        task=_read_task(data["task"]),
        joint_names=tuple(joint.name for joint in joints),
        default_pos=_array([joint.default_pos for joint in joints]),
        pos_limits=_array([joint.pos_limits or endless for joint in joints]),
        vel_limit=_array([math.inf if joint.vel_limit is None else joint.vel_limit for joint in joints]),
        effort_limit=_array([math.inf if joint.effort_limit is None else joint.effort_limit for joint in joints]),
        stiffness=_array([joint.stiffness for joint in joints]),
        damping=_array([joint.damping for joint in joints]),
        armature=_array([joint.armature for joint in joints]),
        friction=_array([joint.friction for joint in joints]),
    )


def _read_joint(data: Mapping[str, Any]) -> Joint:
    limits = data["pos_limits"]
    actuator = Actuator(data["actuator"]["model"], _pair(data["actuator"]["delay_s"]))
    return Joint(**{**data, "pos_limits": None if limits is None else _pair(limits), "actuator": actuator})


def _read_robot(data: Mapping[str, Any], joints: tuple[Joint, ...]) -> RobotSpec:
    vectors = {name: _triple(data[name]) for name in ("gravity", "initial_base_pos")}
    return RobotSpec(**{**data, **vectors, "joints": joints})


def _read_policy(data: Mapping[str, Any]) -> PolicySpec:
    state = tuple(
        StateSpec(item["input"], item["output"], tuple(int(size) for size in item["shape"])) for item in data["state"]
    )
    return PolicySpec(**{**data, "state": state, "opset": int(data["opset"])})


def _read_observations(items: Sequence[Mapping[str, Any]]) -> tuple[ObservationTerm, ...]:
    terms: list[ObservationTerm] = []
    for data in items:
        read = {
            "width": int(data["width"]),
            "scale": _array(data["scale"]),
            "clip": None if data["clip"] is None else _pair(data["clip"]),
            "history": History(int(data["history"]["length"]), data["history"]["layout"]),
            "joints": _names(data["joints"]),
            "offset": _array_or_none(data["offset"]),
            "noise": None if data["noise"] is None else Noise(**data["noise"]),
            "latency_s": _pair(data["latency_s"]),
            "start": terms[-1].stop if terms else 0,
        }
        terms.append(ObservationTerm(**{**data, **read}))
    return tuple(terms)


def _read_command(data: Mapping[str, Any]) -> Command:
    euler = data["euler"]
    read = {
        "elements": tuple(CommandElement(**element) for element in data["elements"]),
        "resample_s": _pair(data["resample_s"]),
        "euler": None if euler is None else {axis: _pair(euler[axis]) for axis in ("roll", "pitch", "yaw")},
    }
    return Command(**{**data, **read})


def _read_actions(items: Sequence[Mapping[str, Any]]) -> tuple[ActionTerm, ...]:
    terms: list[ActionTerm] = []
    for data in items:
        read: dict[str, Any] = {
            name: _array_or_none(data[name]) for name in ("scale", "offset", "clip", "open", "close")
        }
        read.update(joints=tuple(data["joints"]), delay_s=_pair(data["delay_s"]), start=terms[-1].stop if terms else 0)
        terms.append(ActionTerm(**{**data, **read}))
    return tuple(terms)


def _read_task(data: Mapping[str, Any]) -> Task:
    joint_pos = data["reset"]["joint_pos"]
    read = {
        "success": Success(**data["success"]),
        "failures": tuple(
            Failure(**{**failure, "bodies": tuple(failure.get("bodies", ()))}) for failure in data["failures"]
        ),
        "reset": Reset(JointReset(**{**joint_pos, "joints": tuple(joint_pos["joints"])}), _pair(data["reset"]["yaw"])),
        "scene": tuple(data["scene"]),
    }
    return Task(**{**data, **read})


# -- checking -----------------------------------------------------------------------------------------


def _check_version(data: Any) -> None:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise BundleError(f"contract.json: this is no contract of Gaitway; its 'format' must be '{FORMAT}'.")
    version = data.get("version")
    if isinstance(version, bool) or version != VERSION:
        newer = isinstance(version, int) and not isinstance(version, bool) and version > VERSION
        remedy = "install a newer one" if newer else "export the policy anew"
        shown = repr(version) if isinstance(version, (int, float, str)) else "none"
        raise BundleError(
            f"contract.json: contract version {shown[:40]}; this is gaitway_deploy {__version__}, which reads version "
            f"{VERSION}: {remedy}."
        )
