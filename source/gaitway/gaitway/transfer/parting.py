"""Where two engines part: the first observation in which the same episode differs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .traces import Traces

if TYPE_CHECKING:
    from gaitway_deploy.contract import Contract

SHARE_OF_SPREAD = 0.1
"""Of a term that was trained without noise: how much of its spread a difference must be to count."""
LEAST = 1e-4
"""A difference that never counts, in the units of the observation."""


@dataclass(frozen=True)
class Parting:
    """The first difference of one episode between two engines."""

    episode: int
    step: int
    time_s: float
    term: str
    element: int
    """Which number of the term, counted from 0, history included."""
    first: float
    """What the policy saw in the first engine."""
    second: float
    """What it saw in the second."""
    tolerance: float
    """What a difference may be without counting."""


@dataclass(frozen=True)
class Comparison:
    """How the episodes of two engines part."""

    engines: tuple[str, str]
    parted: int
    """Episodes that part at all, of those compared."""
    episodes: int
    median_s: float | None
    """Median of the time at which they part; None if none does. Unit: s."""
    terms: dict[str, int]
    """In which term episodes part first, and how many."""
    earliest: Parting | None
    """The episode that parts first."""
    step_one: dict[str, float]
    """Largest difference after the first control step, by term, in tolerances: what physics alone does, before the
    policy has answered it."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def tolerances(contract: Contract, traces: Traces) -> dict[str, float]:
    """How far two engines may differ in each term, in the units of the observation.

    The noise that the policy was trained with where there was any, since what is smaller it has learned to ignore;
    else a tenth of the term's spread over the episodes of one engine.
    """
    limits = {}
    for term in contract.observations:
        if term.noise is not None:
            amplitude = max(abs(term.noise.low), abs(term.noise.high)) * float(np.abs(term.scale).max())
        else:
            seen = traces.obs[:, :, term.start : term.stop].astype(np.float64)
            amplitude = SHARE_OF_SPREAD * float(np.nanstd(seen, axis=(0, 1)).mean())
        limits[term.name] = max(amplitude, LEAST)
    return limits


def compare(contract: Contract, first: Traces, second: Traces, ended: np.ndarray) -> tuple[Comparison, list[Parting]]:
    """Compare the same episodes in two engines.

    Args:
        contract: Names the terms.
        first: Of one engine.
        second: Of another, under the same schedule.
        ended: How many steps of each episode to look at: those that count in both. Shape is (episodes,).

    Returns:
        The summary, and the parting of each episode that parts.
    """
    limits = tolerances(contract, first)
    slices = {term.name: slice(term.start, term.stop) for term in contract.observations}
    differences = np.abs(first.obs.astype(np.float64) - second.obs)
    counts = np.arange(first.num_steps) < ended[:, None]
    partings = []
    over = {
        name: np.nan_to_num(differences[:, :, where] / limits[name], nan=np.inf).max(axis=2)
        for name, where in slices.items()
    }
    worst = np.where(counts, np.max(list(over.values()), axis=0), 0.0)
    for episode in np.nonzero((worst > 1.0).any(axis=1))[0]:
        step = int((worst[episode] > 1.0).argmax())
        name = max(over, key=lambda key: over[key][episode, step])
        where = slices[name]
        element = int(differences[episode, step, where].argmax())
        partings.append(
            Parting(
                episode=int(episode),
                step=step,
                time_s=step * first.control_dt,
                term=name,
                element=element,
                first=float(first.obs[episode, step, where][element]),
                second=float(second.obs[episode, step, where][element]),
                tolerance=limits[name],
            )
        )
    step_one = {}
    if first.num_steps > 1 and (ended > 1).any():
        step_one = {name: float(values[ended > 1, 1].max()) for name, values in over.items()}
    comparison = Comparison(
        engines=(first.engine, second.engine),
        parted=len(partings),
        episodes=len(ended),
        median_s=float(np.median([item.time_s for item in partings])) if partings else None,
        terms=dict(Counter(item.term for item in partings).most_common()),
        earliest=min(partings, key=lambda item: item.step) if partings else None,
        step_one=step_one,
    )
    return comparison, partings
