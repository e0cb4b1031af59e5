"""``gaitway robustness``."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gaitway.errors import UsageError

from .session import check_count, reporting
from .terminal import print_json
from .transfer import open_bundle, output_folder, refusals, write_card

if TYPE_CHECKING:
    from pathlib import Path

    from gaitway.transfer.robustness import Plan, Point
    from gaitway_deploy.bundle import Bundle


def robustness(
    *,
    bundle: str,
    engine: str,
    episodes: int | None,
    seed: int,
    output: str | None,
    quick: bool,
    card: bool,
    verbose: bool,
    as_json: bool,
    seconds: float | None = None,
) -> None:
    """Measure how far a bundle carries; the options are those of the command.

    ``seconds`` is the length of an episode, if it is not to be the task's.
    """
    check_count("--episodes", episodes, 1)
    check_count("--seed", seed, 0)
    from gaitway.transfer.engines import check_engine
    from gaitway.transfer.robustness import make_plan
    from gaitway.transfer.schedule import draw_schedule
    from gaitway.transfer.sweep import measure

    check_engine(engine, "--engine")
    opened = open_bundle(bundle)
    refused = refusals(opened, [engine])
    if refused:
        raise UsageError(f"--engine {engine}: {refused[engine]}.")
    plan = make_plan(opened, engine, episodes, quick=quick)
    folder = output_folder(output, "robustness", opened)
    schedule = draw_schedule(opened.contract, max(plan.points().values()), seed, seconds)
    begin = time.monotonic()
    with reporting(None, as_json=as_json) as console:
        points = plan.points()
        console.print(
            f"{opened.path.name}: {opened.contract.made_by.task} in {engine}, {len(points)} conditions, "
            f"{sum(points.values())} episodes ..."
        )
        for name, why in plan.left_out.items():
            console.print(f"{name} is left out: {why}.", markup=False)
        found = measure(opened, engine, schedule, points, seed, folder, console.print, verbose=verbose)
        duration = schedule.num_steps * opened.contract.control_dt
        result = _assess(opened, plan, found, folder, engine, seed, duration)
        result["seconds"] = time.monotonic() - begin
        console.print(result["text"], markup=False)
        console.print(f"Tables and pictures are in {folder}, after {result['seconds']:.0f} s.")
        if card:
            write_card(opened, "Robustness", result["text"])
            console.print(f"Wrote the radii into the model card of {opened.path}.")
    if as_json:
        print_json({key: value for key, value in result.items() if key != "text"})


def _assess(
    bundle: Bundle,
    plan: Plan,
    points: dict[Any, Point],
    folder: Path,
    engine: str,
    seed: int,
    seconds: float,
) -> dict[str, Any]:
    """Make curves, maps and radii, and write tables and pictures."""
    from gaitway.runs.files import write_text
    from gaitway.transfer import tables
    from gaitway.transfer.pictures import draw_curves, draw_maps
    from gaitway.transfer.radius import ENOUGH
    from gaitway.transfer.robustness import Conditions, as_json, sum_up

    curves, maps = sum_up(plan, points)
    made_by = bundle.contract.made_by
    text = (
        f"{plan.episodes} episodes of {seconds:g} s at each point, in {engine}, through the robot's runtime with its "
        f"safety rules (seed {seed}). One condition strays at a time; the others are nominal, with the sensor noise of "
        "training.\n\n"
    )
    text += tables.radius_table(curves) + "\n" + "\n".join(tables.left_out_lines(plan))
    more = [tables.curve_table(curve) for curve in curves]
    more += [f"Success in %, {item.episodes} or more episodes a field.\n\n{tables.map_table(item)}" for item in maps]
    title = f"{made_by.task}, {made_by.agent}, in {engine}: {plan.episodes} episodes a point"
    files = {"table": "robustness.md", "curves_picture": "curves.png"} | ({"maps_picture": "maps.png"} if maps else {})
    write_text(folder / "robustness.md", text.rstrip() + "\n\n" + "\n".join(more))
    draw_curves(folder / "curves.png", title, curves, ENOUGH)
    if maps:
        draw_maps(folder / "maps.png", title, maps)
    nominal = points[Conditions()]
    return {
        "bundle": str(bundle.path),
        "task": made_by.task,
        "engine": engine,
        "seed": seed,
        "episodes": sum(plan.points().values()),
        "nominal_success_rate": nominal.share,
        "radii": {curve.name: {way: asdict(item) for way, item in curve.radii.items()} for curve in curves},
        "left_out": plan.left_out,
        **as_json(curves, maps),
        **{key: str(folder / name) for key, name in files.items()},
        "text": text.rstrip(),
    }
