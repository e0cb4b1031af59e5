"""How far a policy carries: where success falls below a level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH = 0.9
"""Success that counts as still working."""


@dataclass(frozen=True)
class Radius:
    """How far one can go from the nominal value in one direction."""

    value: float | None
    """Where success falls below :data:`ENOUGH`; None where it does not, or is below already at the nominal value."""
    reached: float
    """The last value that was looked at and still worked; the nominal one if none did."""
    note: str
    """``falls``, ``beyond the range`` or ``below from the start``."""


def radius(values: Sequence[float], success: Sequence[float], enough: float = ENOUGH) -> Radius:
    """Find where success first falls below a level, going away from the nominal value.

    Between the last point that works and the first that does not, success is taken to change linearly.

    Args:
        values: What was looked at, the nominal value first, then further and further away from it.
        success: Share of successes at each.
        enough: The level.
    """
    if success[0] < enough:
        return Radius(None, values[0], "below from the start")
    for i in range(1, len(values)):
        if success[i] < enough:
            share = (success[i - 1] - enough) / (success[i - 1] - success[i])
            return Radius(values[i - 1] + share * (values[i] - values[i - 1]), values[i - 1], "falls")
    return Radius(None, values[-1], "beyond the range")
