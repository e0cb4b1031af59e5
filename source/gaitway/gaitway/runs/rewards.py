"""What each reward contributed, over an episode and over training, and what to be wary of."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

DOMINANT = 0.9
"""Share of all that is paid and charged above which one term is pointed out."""
PREFIX = "Episode_Reward/"
MOSTLY = 0.9
"""Share of successes from which more return without more success is no cause for worry."""


@dataclass(frozen=True)
class Contributions:
    """What rewards added to returns over whole episodes; N episodes, K terms, T steps."""

    terms: tuple[str, ...]
    weights: tuple[float, ...]
    step_dt: float
    """Length of a step. Unit: s."""
    totals: np.ndarray
    """By episode and term, weight and length of the step included. Shape is (N, K)."""
    timeline: np.ndarray
    """By step of the episode and term, the mean over all episodes, 0 where one is over. Shape is (T, K)."""
    low: np.ndarray
    """The least that a step added. Shape is (K,)."""
    high: np.ndarray
    """The most that a step added. Shape is (K,)."""
    success: np.ndarray
    """Shape is (N,), bool."""
    lengths: np.ndarray
    """Unit: steps. Shape is (N,)."""

    @property
    def returns(self) -> np.ndarray:
        """Shape is (N,)."""
        return self.totals.sum(axis=1)

    @property
    def means(self) -> np.ndarray:
        """By term, over episodes. Shape is (K,)."""
        return self.totals.mean(axis=0)

    @property
    def shares(self) -> np.ndarray:
        """By term, of all that terms pay and charge on average, signs aside. Shape is (K,)."""
        size = np.abs(self.means)
        return size / size.sum() if size.sum() > 0 else size


def record(
    env: Any,
    act: Callable[[Mapping[str, torch.Tensor]], torch.Tensor],
    forget: Callable[[torch.Tensor], None],
    episodes: int,
) -> Contributions:
    """Run whole episodes and keep what each reward added.

    As in :func:`gaitway.runs.judge.judge`, every environment runs the same number of episodes, one more for the first
    few.

    Args:
        env: The Gymnasium environment, not wrapped.
        act: Gives actions on observations by group.
        forget: Told which episodes ended. Shape is (num_envs,), bool.
        episodes: How many.
    """
    base = env.unwrapped
    manager, num_envs, device = base.reward_manager, base.num_envs, base.device
    terms, rows = list(manager.active_terms), torch.arange(num_envs, device=device)
    quota = torch.full((num_envs,), episodes // num_envs, device=device)
    quota[: episodes % num_envs] += 1
    most, steps = int(quota.max()), base.max_episode_length
    number, age = torch.zeros(2, num_envs, dtype=torch.long, device=device)
    running = torch.zeros(num_envs, len(terms), device=device)
    totals = torch.zeros(num_envs, most, len(terms), device=device)
    ends = torch.zeros(num_envs, most, 2, device=device)
    timeline = torch.zeros(steps, len(terms), device=device)
    low = torch.full((len(terms),), math.inf, device=device)
    high = -low
    obs, _ = env.reset()
    with torch.inference_mode():
        for step in range(10**9):
            obs, _, terminated, truncated, extras = env.step(act(obs))
            ended = terminated | truncated
            forget(ended)
            counts = number < quota
            added = manager._step_reward * base.step_dt
            timeline.index_add_(0, age.clamp_max(steps - 1), added * counts.unsqueeze(-1))
            low = torch.minimum(low, torch.where(counts.unsqueeze(-1), added, math.inf).amin(dim=0))
            high = torch.maximum(high, torch.where(counts.unsqueeze(-1), added, -math.inf).amax(dim=0))
            running += added
            age += 1
            over, slot = ended & counts, number.clamp_max(most - 1)
            totals[rows, slot] = torch.where(over.unsqueeze(-1), running, totals[rows, slot])
            end = torch.stack([extras["success"].float(), age.float()], dim=-1)
            ends[rows, slot] = torch.where(over.unsqueeze(-1), end, ends[rows, slot])
            number += over
            running *= ~ended.unsqueeze(-1)
            age *= ~ended
            # Asking the device whether all is done takes a wait; once in a while is enough.
            if step % 10 == 9 and not bool((number < quota).any()):
                break
    kept = (torch.arange(most, device=device) < quota.unsqueeze(-1)).cpu().numpy()
    success, lengths = ends.cpu().numpy()[kept].T
    return Contributions(
        tuple(terms),
        tuple(float(manager.get_term_cfg(name).weight) for name in terms),
        base.step_dt,
        totals.cpu().numpy()[kept],
        (timeline / episodes).cpu().numpy()[: int(lengths.max())],
        low.cpu().numpy(),
        high.cpu().numpy(),
        success > 0.5,
        lengths.astype(int),
    )


# -- what to be wary of -----------------------------------------------------------------------------


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float | None:
    """Spearman's, with ties; None where one of them is the same throughout."""
    first, second = (_ranks(np.asarray(values, dtype=float)) for values in (x, y))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[place]


def warn_of_episodes(found: Contributions) -> list[str]:
    """What is odd about rewards over episodes: one that is nearly all, the same throughout, or never there; and whether
    episodes that succeed are those that are paid."""
    warnings = []
    for name, weight, share, low, high in zip(
        found.terms, found.weights, found.shares, found.low, found.high, strict=True
    ):
        if weight == 0.0:
            warnings.append(f"{name}: has a weight of 0, it is not even computed.")
        elif low == high == 0.0:
            warnings.append(f"{name}: was 0 in every step; nothing that happened here brings it about.")
        elif high - low <= 1e-6 * max(abs(low), abs(high)):
            warnings.append(f"{name}: was {high:.3g} in every step; it pays or charges for time, whatever is done.")
        if share > DOMINANT and len(found.terms) > 1:
            warnings.append(f"{name}: is {100 * share:.0f} % of all that is paid and charged; the others hardly count.")
    together = rank_correlation(found.returns, found.success)
    if together is not None and together <= 0.0:
        warnings.append(
            "success and return disagree: episodes that succeeded were not paid more than those that failed (rank "
            f"correlation {together:.2f}); a policy may do better by failing."
        )
    return warnings


def warn_of_training(rows: Sequence[Mapping[str, Any]], pieces: int = 6) -> list[str]:
    """What is odd about a training: a return that rises while success falls, or does not follow.

    Args:
        rows: Lines of a run's metrics.
        pieces: The training is averaged over so many parts.
    """
    pairs = [
        (row["return_mean"], row["success_rate"])
        for row in rows
        if row.get("return_mean") is not None and row.get("success_rate") is not None
    ]
    if len(pairs) < 2 * pieces:
        return []
    returns, success = np.array([part.mean(axis=0) for part in np.array_split(np.array(pairs), pieces)]).T
    span = float(np.ptp(returns))
    if span > 0 and success.max() < 0.02 and returns[-1] - returns[0] > 0.25 * span:
        return [
            f"success and return disagree: over training the return rose from {returns[0]:.3g} to {returns[-1]:.3g}, "
            "and no more than one episode in fifty ever succeeded; something else is paid."
        ]
    best = int(success.argmax())
    if success[best] - success[-1] > 0.1 and returns[-1] - returns[best] > 0.1 * span:
        return [
            f"success and return disagree: over training success fell from {100 * success[best]:.0f} to "
            f"{100 * success[-1]:.0f} %, while the return rose from {returns[best]:.3g} to {returns[-1]:.3g}; "
            "the policy games its reward."
        ]
    half = pieces // 2 - 1
    if returns[-1] - returns[half] > 0.25 * span and success[-1] - success[half] < 0.02 and success[-1] < MOSTLY:
        return [
            f"success and return disagree: over the second half of the training the return rose from "
            f"{returns[half]:.3g} to {returns[-1]:.3g}, while success stayed at {100 * success[-1]:.0f} %; something "
            "else is paid."
        ]
    return []


def parts_of_training(
    rows: Sequence[Mapping[str, Any]], episode_s: float, pieces: int = 6
) -> tuple[list[int], dict[str, list[float]]]:
    """What an episode added by term, its return and its success, as means over parts of a training of equal length.

    Args:
        rows: Lines of a run's metrics.
        episode_s: The longest that an episode can be. Unit: s.
        pieces: How many parts, or fewer where there are fewer lines.

    Returns:
        Steps at the end of each part; and by name a value for each, NaN where nothing was logged. Terms come first.
    """
    count = min(pieces, len(rows))
    values = terms_of_training(rows, episode_s)
    for name in ("return_mean", "success_rate"):
        values[name] = np.array([_number(row.get(name)) for row in rows])
    spans = np.array_split(np.arange(len(rows)), count)

    def mean(part: np.ndarray) -> float:
        known = part[~np.isnan(part)]
        return float(known.mean()) if len(known) else float("nan")

    return [rows[span[-1]]["step"] for span in spans], {
        name: [mean(series[span]) for span in spans] for name, series in values.items()
    }


def terms_of_training(rows: Sequence[Mapping[str, Any]], episode_s: float) -> dict[str, np.ndarray]:
    """What each reward added to the return of an episode, line by line of a run's metrics.

    Args:
        rows: The lines.
        episode_s: The longest that an episode can be, by which the log divides. Unit: s.

    Returns:
        By term, NaN where nothing was logged. Shape of each is (rows,).
    """
    names = dict.fromkeys(key for row in rows for key in row if key.startswith(PREFIX))
    return {name.removeprefix(PREFIX): np.array([_number(row.get(name)) * episode_s for row in rows]) for name in names}


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


# -- the picture ------------------------------------------------------------------------------------


def draw(
    path: Path,
    title: str,
    found: Contributions,
    rows: Sequence[Mapping[str, Any]] = (),
    episode_s: float = 0.0,
) -> None:
    """Draw contributions over an episode, their sums, and over training.

    Args:
        path: The PNG to write.
        title: Of the whole.
        found: What was recorded.
        rows: Lines of a run's metrics; none without a run.
        episode_s: The longest that an episode can be. Unit: s.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    colors = {name: colormaps["tab20"](i % 20) for i, name in enumerate(found.terms)}
    height = max(4.2, 1.4 + 0.27 * len(found.terms))
    figure = Figure(figsize=(13, height + (4.2 if rows else 0.0)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2 if rows else 1, 2, width_ratios=(2, 1), height_ratios=(height, 4.2) if rows else None)
    axes = figure.add_subplot(grid[0, 0])
    time = (np.arange(len(found.timeline)) + 1) * found.step_dt
    _stack(axes, time, dict(zip(found.terms, found.timeline.T, strict=True)), colors)
    axes.set_xlabel("Time in the episode (s)")
    axes.set_title(f"What a step adds, mean of {len(found.totals)} episodes", fontsize=10)
    bars = figure.add_subplot(grid[0, 1])
    places = np.arange(len(found.terms))[::-1]
    bars.barh(places, found.means, color=[colors[name] for name in found.terms], height=0.7)
    bars.set_yticks(places, [f"{n}  {100 * s:.0f} %" for n, s in zip(found.terms, found.shares, strict=True)])
    bars.tick_params(axis="y", labelsize=8)
    bars.axvline(0.0, color="#444444", linewidth=0.8)
    bars.grid(axis="x", alpha=0.3)
    bars.set_title(f"What an episode adds: {found.returns.mean():.3g} in all", fontsize=10)
    if rows:
        axes = figure.add_subplot(grid[1, :])
        millions = np.array([row["step"] for row in rows]) / 1e6
        added = terms_of_training(rows, episode_s)
        _stack(axes, millions, added, {name: colors.get(name, "#999999") for name in added})
        axes.set_xlabel("Million steps")
        axes.set_title("What an episode added over training; dotted: share of episodes that succeeded", fontsize=10)
        other = axes.twinx()
        other.plot(millions, [_number(row.get("success_rate")) for row in rows], ":", color="black", linewidth=1.6)
        other.set_ylim(-0.02, 1.02)
    figure.suptitle(title)
    scratch = path.with_name(f".{path.stem}.{os.getpid()}.png")
    figure.savefig(scratch, dpi=110)
    scratch.replace(path)


def _stack(axes: Any, x: np.ndarray, values: Mapping[str, np.ndarray], colors: Mapping[str, Any]) -> None:
    """Stack what is paid above zero and what is charged below."""
    stacked = np.nan_to_num(np.array(list(values.values())))
    for side in (stacked.clip(min=0.0), stacked.clip(max=0.0)):
        axes.stackplot(x, side, colors=[colors[name] for name in values], linewidth=0)
    axes.plot(x, stacked.sum(axis=0), color="black", linewidth=1.2)
    axes.axhline(0.0, color="#444444", linewidth=0.8)
    axes.grid(alpha=0.3)
