"""Tables of what was measured, in Markdown, for a model card and for a folder of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .radius import ENOUGH, Radius

if TYPE_CHECKING:
    from .judge import Verdict
    from .parting import Comparison
    from .robustness import Curve, Map, Plan

UNITS = {
    "error_lin_vel_m_s": "Velocity error, m/s",
    "error_yaw_rate_rad_s": "Yaw rate error, rad/s",
    "error_position_m": "Distance, mm",
    "error_orientation_rad": "Angle, rad",
}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def transfer_table(verdicts: Sequence[Verdict]) -> str:
    """One row an engine."""
    errors = list(verdicts[0].errors)
    walks = any(verdict.cost_of_transport is not None for verdict in verdicts)
    heads = ["Engine", "Episodes", "Success", "95 % interval", *(UNITS.get(name, name) for name in errors)]
    heads += ["Falls", "Stopped", "Power, W", *(["Cost of transport"] if walks else []), "Peak effort / limit"]
    heads += ["Peak speed / limit"]
    rows = []
    for verdict in verdicts:
        row = [verdict.engine, str(verdict.episodes), f"{100 * verdict.success_rate:.0f} %"]
        row += [f"{100 * verdict.success_low:.0f} to {100 * verdict.success_high:.0f} %"]
        row += [_error(name, verdict.errors[name]) for name in errors]
        row += [str(verdict.falls), str(verdict.stopped), f"{verdict.power_w:.1f}"]
        if walks:
            row += ["" if verdict.cost_of_transport is None else f"{verdict.cost_of_transport:.2f}"]
        rows.append([*row, f"{verdict.peak_effort:.2f}", f"{verdict.peak_speed:.2f}"])
    return table(heads, rows)


def _error(name: str, value: float) -> str:
    return f"{1000 * value:.1f}" if name == "error_position_m" else f"{value:.3f}"


def interventions_line(verdicts: Sequence[Verdict]) -> str:
    """What the safety rules did, by engine."""
    parts = []
    for verdict in verdicts:
        rules = ", ".join(f"{rule} {count}" for rule, count in sorted(verdict.interventions.items()))
        parts.append(f"{verdict.engine}: {rules or 'none'}")
    return "Interventions of the safety rules: " + "; ".join(parts) + "."


def parting_lines(comparisons: Sequence[Comparison]) -> list[str]:
    """Where episodes part, a line a pair of engines."""
    lines = []
    for item in comparisons:
        pair = f"{item.engines[0]} and {item.engines[1]}"
        first = item.earliest
        if first is None:
            lines.append(f"{pair} do not part in any of {item.episodes} episodes.")
            continue
        terms = ", ".join(f"{name} {count}" for name, count in item.terms.items())
        lines.append(
            f"{pair} part in {item.parted} of {item.episodes} episodes, at {item.median_s:.2f} s in the median; first "
            f"in {terms}. Earliest: episode {first.episode} at {first.time_s:.2f} s, {first.term}[{first.element}] is "
            f"{first.first:.3g} and {first.second:.3g} (tolerance {first.tolerance:.2g})."
        )
    return lines


def radius_table(curves: Sequence[Curve]) -> str:
    """One row a condition and direction."""
    rows = []
    for curve in curves:
        at = f"{100 * curve.success[curve.values.index(curve.nominal)]:.0f} %"
        for direction, found in curve.radii.items():
            end = curve.values[0] if direction == "down" else curve.values[-1]
            rows.append([curve.label, f"{curve.nominal:g}", at, direction, _radius(found), f"{end:g}"])
    heads = ["Condition", "Nominal", "Success there", "Direction"]
    return table([*heads, f"Falls under {100 * ENOUGH:.0f} % at", "Looked at until"], rows)


def _radius(found: Radius) -> str:
    return found.note if found.value is None else f"{found.value:.3g}"


def curve_table(curve: Curve) -> str:
    """One row a value."""
    rows = [
        [f"{value:g}", f"{100 * success:.0f} %", f"{100 * low:.0f} to {100 * high:.0f} %", _causes(causes)]
        for value, success, low, high, causes in zip(
            curve.values, curve.success, curve.low, curve.high, curve.causes, strict=True
        )
    ]
    return table([curve.label, "Success", "95 % interval", "Ended early by"], rows)


def _causes(causes: dict[str, int]) -> str:
    return ", ".join(f"{cause} {count}" for cause, count in sorted(causes.items()))


def map_table(item: Map) -> str:
    """Success in %, a row for each y."""
    rows = [
        [f"{y:g}", *(f"{100 * share:.0f}" for share in row)] for y, row in zip(item.y_values, item.success, strict=True)
    ]
    return table([f"{item.y_label} \\ {item.x_label}", *(f"{x:g}" for x in item.x_values)], rows)


def left_out_lines(plan: Plan) -> list[str]:
    """What was not looked at, and why."""
    return [f"{name} was left out: {why}." for name, why in plan.left_out.items()]
