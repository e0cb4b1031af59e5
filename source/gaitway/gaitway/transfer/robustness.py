"""How far a policy carries: success under conditions that stray from those of training, one and two at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gaitway.errors import UsageError

from .conditions import Conditions
from .engines import PRESETS
from .judge import total_mass
from .radius import Radius, radius

if TYPE_CHECKING:
    from gaitway_deploy.bundle import Bundle

NOT_IN_ISAAC_LAB = {
    "friction": "all robots stand on one ground; plain MuJoCo has a ground for each",
    "payload": "the engine's gravity compensation would carry it",
    "joint_friction": "engines mean different things by it",
}
"""Conditions that Isaac Lab's engines cannot have for one robot alone, and why."""


@dataclass(frozen=True)
class Axis:
    """One condition, and the values at which it is looked at."""

    name: str
    """A field of :class:`Conditions`."""
    label: str
    values: tuple[float, ...]
    """Ascending; the nominal value is among them."""

    @property
    def nominal(self) -> float:
        """The value that is not astray."""
        return getattr(Conditions(), self.name)


@dataclass(frozen=True)
class Point:
    """What came of some conditions."""

    conditions: Conditions
    success: tuple[bool, ...]
    """Of each episode."""
    causes: Mapping[str, int]
    """Why episodes ended before their time."""

    @property
    def share(self) -> float:
        """Share of successes."""
        return sum(self.success) / len(self.success)


@dataclass(frozen=True)
class Curve:
    """Success over one condition."""

    name: str
    label: str
    nominal: float
    values: list[float]
    success: list[float]
    low: list[float]
    """Lower ends of the 95 % intervals (Wilson)."""
    high: list[float]
    causes: list[dict[str, int]]
    radii: dict[str, Radius] = field(default_factory=dict)
    """By direction, ``down`` and ``up``."""

    def edges(self) -> list[float]:
        """Values at which success falls."""
        return [item.value for item in self.radii.values() if item.value is not None]


@dataclass(frozen=True)
class Map:
    """Success over two conditions."""

    x: str
    y: str
    x_label: str
    y_label: str
    x_values: list[float]
    y_values: list[float]
    success: list[list[float]]
    """A row for each y."""
    episodes: int


@dataclass(frozen=True)
class Plan:
    """What is to be looked at."""

    axes: tuple[Axis, ...]
    pairs: tuple[tuple[Axis, Axis], ...]
    """Of the maps: the axes along x and along y."""
    episodes: int
    """At each point of a curve."""
    map_episodes: int
    """At each field of a map."""
    left_out: dict[str, str]
    """Conditions that mean nothing for this robot, and why."""

    def points(self) -> dict[Conditions, int]:
        """Every condition that is needed, once, and how many episodes of it."""
        nominal = Conditions()
        needed = {nominal: self.episodes}
        for axis in self.axes:
            for value in axis.values:
                needed[replace(nominal, **{axis.name: value})] = self.episodes
        for x, y in self.pairs:
            for conditions in (replace(nominal, **{x.name: a, y.name: b}) for a in x.values for b in y.values):
                needed.setdefault(conditions, self.map_episodes)
        return needed


def make_plan(bundle: Bundle, engine: str, episodes: int | None, *, quick: bool) -> Plan:
    """Choose conditions that mean something for a robot, and their ranges.

    Args:
        bundle: The bundle.
        engine: Where; Isaac Lab's engines cannot have all conditions for one robot alone.
        episodes: At each point; None for 40, or 10 if quick.
        quick: Fewer points and episodes.

    Raises:
        UsageError: Its success cannot be judged outside its own environment.
    """
    contract = bundle.contract
    if contract.task.success.kind == "other":
        raise UsageError(
            f"{bundle.path}: success of {contract.made_by.task} is of kind 'other', which only its own environment can "
            "judge; robustness needs 'kept_velocity' or 'reached'."
        )
    mass = total_mass(bundle)
    axes = {axis.name: axis for axis in _axes(mass)}
    left_out = _left_out(bundle)
    if PRESETS[engine] is not None:
        left_out = NOT_IN_ISAAC_LAB | left_out
    axes = {name: axis for name, axis in axes.items() if name not in left_out}
    if quick:
        axes = {name: replace(axis, values=_thinned(axis)) for name, axis in axes.items()}
    pairs: list[tuple[Axis, Axis]] = []
    for x, y in (("friction", "added_mass"), ("latency", "noise"), ("payload", "motor_strength")):
        if x in axes and y in axes and len(pairs) < 2:
            pairs.append((_coarse(axes[x]), _coarse(axes[y])))
    count = episodes or (10 if quick else 40)
    return Plan(tuple(axes.values()), tuple(pairs), count, max(count // 2, 1), left_out)


def _axes(mass: float) -> list[Axis]:
    """All conditions, and values for a robot of this mass."""
    kilos = tuple(round(mass * share, 1) for share in (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0))
    return [
        Axis("friction", "Friction with the ground", (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5)),
        Axis("added_mass", "Mass added to the base (kg)", kilos),
        Axis("motor_strength", "Strength of the motors (times nominal)", (0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2)),
        Axis("latency", "Latency of control (s)", (0.0, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08)),
        Axis("noise", "Sensor noise (times that of training)", (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)),
        Axis("push", "Push: change of velocity (m/s), every 4 s", (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)),
        Axis("payload", "Payload on the link that reaches (kg)", (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)),
        Axis("joint_friction", "Friction of each joint (N·m)", (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0)),
    ]


def _left_out(bundle: Bundle) -> dict[str, str]:
    contract = bundle.contract
    left: dict[str, str] = {}
    if contract.robot.floating_base:
        if all(command.body is None for command in contract.commands):
            left["payload"] = "no link of the robot is to carry anything; what its back carries is added_mass"
    else:
        stands = "the base stands fast"
        left |= {"friction": "the robot does not stand on its feet", "added_mass": stands, "push": stands}
    if all(term.noise is None for term in contract.observations):
        left["noise"] = "it was trained without noise, of which there could be multiples"
    return left


def _thinned(axis: Axis) -> tuple[float, ...]:
    """Every other value, the nominal and the outermost among them."""
    at = axis.values.index(axis.nominal)
    last = len(axis.values) - 1
    return tuple(value for i, value in enumerate(axis.values) if (i - at) % 2 == 0 or i in (0, last))


def _coarse(axis: Axis) -> Axis:
    """Five values of a map: the nominal one and four on its longer side."""
    at = axis.values.index(axis.nominal)
    side = axis.values[at:] if len(axis.values) - at > at else axis.values[: at + 1]
    picked = sorted({round(i) for i in np.linspace(0, len(side) - 1, 5)})
    return replace(axis, values=tuple(side[i] for i in picked))


def sum_up(plan: Plan, points: Mapping[Conditions, Point]) -> tuple[list[Curve], list[Map]]:
    """Make curves, with their radii, and maps of what was measured."""
    from gaitway.runs.judge import wilson_interval  # which brings torch with it

    nominal = Conditions()
    curves = []
    for axis in plan.axes:
        found = [points[replace(nominal, **{axis.name: value})] for value in axis.values]
        share = [point.share for point in found]
        intervals = [wilson_interval(sum(point.success), len(point.success)) for point in found]
        curves.append(
            Curve(
                name=axis.name,
                label=axis.label,
                nominal=axis.nominal,
                values=list(axis.values),
                success=share,
                low=[low for low, _ in intervals],
                high=[high for _, high in intervals],
                causes=[dict(point.causes) for point in found],
                radii=_radii(axis, share),
            )
        )
    maps = []
    for x, y in plan.pairs:
        success = [[points[replace(nominal, **{x.name: a, y.name: b})].share for a in x.values] for b in y.values]
        maps.append(Map(x.name, y.name, x.label, y.label, list(x.values), list(y.values), success, plan.map_episodes))
    return curves, maps


def _radii(axis: Axis, success: Sequence[float]) -> dict[str, Radius]:
    at = axis.values.index(axis.nominal)
    found = {}
    if at > 0:
        found["down"] = radius(axis.values[at::-1], success[at::-1])
    if at < len(axis.values) - 1:
        found["up"] = radius(axis.values[at:], success[at:])
    return found


def as_json(curves: Sequence[Curve], maps: Sequence[Map]) -> dict[str, Any]:
    """Plain values."""
    return {"curves": {curve.name: asdict(curve) for curve in curves}, "maps": [asdict(item) for item in maps]}
