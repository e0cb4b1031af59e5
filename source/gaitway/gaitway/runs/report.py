"""Curves of a run as a picture."""

from __future__ import annotations

import os
from pathlib import Path

from .run import Run


def write_curves(run: Run) -> Path:
    """Draw return, success and speed over the steps of a run.

    Returns:
        The picture, ``curves.png`` in the run's folder.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = run.metrics()
    millions = [row["step"] / 1e6 for row in rows]
    panels = (
        ("return_mean", "Return", None),
        ("success_rate", "Success", (-0.02, 1.02)),
        ("steps_per_second", "Steps per second", None),
    )
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (key, title, limits) in zip(figure.subplots(1, 3), panels, strict=True):
        axes.plot(millions, [row[key] if row[key] is not None else float("nan") for row in rows], color="#1f6f8b")
        axes.set_title(title)
        axes.set_xlabel("Million steps")
        axes.grid(alpha=0.3)
        if limits:
            axes.set_ylim(*limits)
    minutes = rows[-1]["seconds"] / 60 if rows else 0.0
    figure.suptitle(f"{run.task}, {run.agent}, {minutes:.1f} minutes")
    target = run.path / "curves.png"
    scratch = target.with_name(f".curves.{os.getpid()}.png")
    figure.savefig(scratch, dpi=110)
    scratch.replace(target)
    return target
