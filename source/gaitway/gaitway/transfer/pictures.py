"""Pictures of what was measured."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .judge import Episodes, Verdict
    from .parting import Comparison, Parting
    from .robustness import Curve, Map

COLORS = ("#1f6f8b", "#d1662b", "#4b8b3b", "#8a4f9e")
LABELS = {
    "error_lin_vel_m_s": "Error of velocity (m/s)",
    "error_yaw_rate_rad_s": "Error of yaw rate (rad/s)",
    "error_position_m": "Distance from the goal (m)",
    "error_orientation_rad": "Angle from the goal (rad)",
}


def draw_transfer(
    path: Path,
    title: str,
    verdicts: Sequence[Verdict],
    episodes: Mapping[str, Episodes],
    partings: Mapping[tuple[str, str], tuple[Comparison, list[Parting]]],
    seconds: float,
) -> None:
    """Draw success, errors, power and partings of all engines.

    Args:
        path: The PNG to write.
        title: Of the whole.
        verdicts: One an engine.
        episodes: The episodes by engine.
        partings: By pair of engines, how their episodes part.
        seconds: Length of an episode.
    """
    names = [verdict.engine for verdict in verdicts]
    errors = list(next(iter(episodes.values())).errors)
    columns = (len(errors) + 5 + 1) // 2
    figure = _figure(3.9 * columns, 7.0)
    panels = iter(figure.subplots(2, columns).flatten())
    _success(next(panels), verdicts)
    for name in errors:
        _boxes(next(panels), names, [episodes[engine].errors[name] for engine in names], LABELS.get(name, name))
    _boxes(next(panels), names, [episodes[engine].power for engine in names], "Mechanical power (W)")
    effort = [100 * episodes[engine].peak_effort for engine in names]
    _boxes(next(panels), names, effort, "Peak effort (% of the limit)", limit=100.0)
    speed = [100 * episodes[engine].peak_speed for engine in names]
    _boxes(next(panels), names, speed, "Peak joint speed (% of the limit)", limit=100.0)
    _parted(next(panels), partings, seconds)
    for axes in panels:
        axes.set_axis_off()
    figure.suptitle(title)
    _save(figure, path)


def draw_curves(path: Path, title: str, curves: Sequence[Curve], enough: float) -> None:
    """Draw success over each quantity, with 95 % intervals."""
    columns = min(4, len(curves))
    rows = -(-len(curves) // columns)
    figure = _figure(3.9 * columns, 3.3 * rows + 0.4)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, curve in zip(panels, curves, strict=False):
        share = np.array(curve.success)
        low, high = np.array(curve.low), np.array(curve.high)
        axes.fill_between(curve.values, 100 * low, 100 * high, color=COLORS[0], alpha=0.18, linewidth=0)
        axes.plot(curve.values, 100 * share, "o-", color=COLORS[0], markersize=4, linewidth=1.5)
        axes.axhline(100 * enough, color="#888888", linewidth=0.8, linestyle=":")
        axes.axvline(curve.nominal, color="#888888", linewidth=0.8, linestyle="--")
        for edge in curve.edges():
            axes.plot([edge], [100 * enough], "v", color=COLORS[1], markersize=8)
        axes.set_xlabel(curve.label)
        axes.set_ylim(-3, 103)
        axes.grid(alpha=0.3)
    for axes in panels[len(curves) :]:
        axes.set_axis_off()
    for row in range(rows):
        panels[row * columns].set_ylabel("Success (%)")
    figure.suptitle(
        f"{title}\nband: 95 % interval; dashed: nominal; triangle: success falls below {100 * enough:.0f} %"
    )
    _save(figure, path)


def draw_maps(path: Path, title: str, maps: Sequence[Map]) -> None:
    """Draw success over pairs of quantities."""
    figure = _figure(5.4 * len(maps), 4.6)
    panels = figure.subplots(1, len(maps), squeeze=False)[0]
    for axes, item in zip(panels, maps, strict=True):
        share = 100 * np.array(item.success)
        axes.imshow(share, origin="lower", cmap="viridis", vmin=0, vmax=100, aspect="auto")
        for row, column in np.ndindex(share.shape):
            color = "black" if share[row, column] > 60 else "white"
            axes.text(column, row, f"{share[row, column]:.0f}", ha="center", va="center", color=color, fontsize=9)
        axes.set_xticks(range(len(item.x_values)), [f"{value:g}" for value in item.x_values])
        axes.set_yticks(range(len(item.y_values)), [f"{value:g}" for value in item.y_values])
        axes.set_xlabel(item.x_label)
        axes.set_ylabel(item.y_label)
        axes.set_title(f"Success (%), {item.episodes} or more episodes a field", fontsize=10)
    figure.suptitle(title)
    _save(figure, path)


def _success(axes: Any, verdicts: Sequence[Verdict]) -> None:
    share = np.array([100 * verdict.success_rate for verdict in verdicts])
    low = share - [100 * verdict.success_low for verdict in verdicts]
    high = np.array([100 * verdict.success_high for verdict in verdicts]) - share
    colors = [COLORS[i % len(COLORS)] for i in range(len(verdicts))]
    axes.bar(range(len(verdicts)), share, color=colors, width=0.6)
    axes.errorbar(range(len(verdicts)), share, [low, high], fmt="none", ecolor="#333333", capsize=4)
    axes.set_xticks(range(len(verdicts)), [verdict.engine for verdict in verdicts])
    axes.set_ylim(0, 105)
    axes.set_title("Success (%), 95 % interval", fontsize=10)
    axes.grid(axis="y", alpha=0.3)


def _boxes(
    axes: Any, names: Sequence[str], values: Sequence[np.ndarray], title: str, limit: float | None = None
) -> None:
    boxes = axes.boxplot(values, tick_labels=list(names), widths=0.55, patch_artist=True, sym=".")
    for box, color in zip(boxes["boxes"], [COLORS[i % len(COLORS)] for i in range(len(names))], strict=True):
        box.set(facecolor=color, alpha=0.6)
    for line in boxes["medians"]:
        line.set(color="#222222")
    if limit is not None:
        axes.axhline(limit, color="#888888", linewidth=0.8, linestyle="--")
    axes.set_ylim(bottom=0)
    axes.set_title(title, fontsize=10)
    axes.grid(axis="y", alpha=0.3)


def _parted(axes: Any, partings: Mapping[tuple[str, str], tuple[Comparison, list[Parting]]], seconds: float) -> None:
    for i, ((first, second), (comparison, found)) in enumerate(partings.items()):
        times = np.sort([item.time_s for item in found])
        share = 100 * np.arange(1, len(times) + 1) / comparison.episodes
        steps = np.concatenate([[0.0], times, [seconds]])
        heights = np.concatenate([[0.0], share, share[-1:] if len(share) else [0.0]])
        axes.step(steps, heights, where="post", color=COLORS[i % len(COLORS)], label=f"{first}, {second}")
    axes.set_xlabel("Time in the episode (s)")
    axes.set_ylim(-2, 102)
    axes.set_title("Episodes that have parted (%)", fontsize=10)
    axes.grid(alpha=0.3)
    if partings:
        axes.legend(fontsize=8, loc="lower right")


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Any, path: Path) -> None:
    scratch = path.with_name(f".{path.stem}.{os.getpid()}.png")
    figure.savefig(scratch, dpi=110)
    scratch.replace(path)
