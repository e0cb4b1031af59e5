"""``gaitway transfer``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitway.errors import BrokenError, UsageError

from .session import check_count, reporting
from .terminal import print_json

if TYPE_CHECKING:
    from rich.console import Console

    from gaitway.transfer.engines import Outcome
    from gaitway.transfer.judge import Episodes, Verdict
    from gaitway.transfer.parting import Comparison, Parting
    from gaitway_deploy.bundle import Bundle

GAP = 0.05
"""Difference in success between engines that is pointed out."""


def transfer(
    *,
    bundle: str,
    episodes: int,
    engines: str,
    seed: int,
    output: str | None,
    card: bool,
    verbose: bool,
    as_json: bool,
    safety: bool = True,
    seconds: float | None = None,
) -> None:
    """Run a bundle in several engines; the options are those of the command.

    ``safety=False`` switches the runtime's rules off, which shows what they do; such figures are kept out of the model
    card. ``seconds`` is the length of an episode, if it is not to be the task's.
    """
    check_count("--episodes", episodes, 1)
    check_count("--seed", seed, 0)
    from gaitway.transfer.engines import parse_engines, run_engines
    from gaitway.transfer.schedule import draw_schedule

    names = parse_engines(engines)
    opened = open_bundle(bundle)
    refused = refusals(opened, names)
    names = [name for name in names if name not in refused]
    if not names:
        raise UsageError("; ".join(f"{name}: {why}" for name, why in refused.items()))
    folder = output_folder(output, "transfer", opened)
    schedule = draw_schedule(opened.contract, episodes, seed, seconds)
    begin = time.monotonic()
    with reporting(None, as_json=as_json) as console:
        task = opened.contract.made_by.task
        console.print(f"{opened.path.name}: {task}, {episodes} episodes in each of {', '.join(names)} ...")
        for name, why in refused.items():
            console.print(f"{name}: left out: {why}")
        outcomes = run_engines(
            opened.path.resolve(), names, schedule, folder, console.print, safety=safety, verbose=verbose
        )
        rules = "with its safety rules" if safety else "with its safety rules off"
        how = f"through the robot's runtime {rules}, without sensor noise (seed {seed})"
        result = _assess(opened, outcomes, folder, how, schedule.num_steps * opened.contract.control_dt)
        result |= {"seed": seed, "refused": refused, "safety": safety, "seconds": time.monotonic() - begin}
        _show(console, result, folder)
        if not safety:
            console.print("The safety rules were off; none of this goes into the model card.")
        elif card and result["engines"]:
            write_card(opened, "Transfer", result["text"])
            console.print(f"Wrote the table into the model card of {opened.path}.")
    if as_json:
        print_json({key: value for key, value in result.items() if key != "text"})
    if result["failed"]:
        raise BrokenError("; ".join(f"{name} failed: {why}" for name, why in result["failed"].items()))


def open_bundle(name: str) -> Bundle:
    """Open a bundle whose commands can be drawn.

    Raises:
        UsageError: There is none, or nobody knows how to draw its commands.
    """
    from gaitway_deploy.bundle import Bundle

    path = Path(name)
    if not path.exists():
        raise UsageError(f"--bundle {name}: there is no such bundle; 'gaitway export' writes one.")
    opened = Bundle.open(path)
    unknown = [command.name for command in opened.contract.commands if command.kind == "other"]
    if unknown or not opened.contract.commands:
        what = f"how to draw its command '{unknown[0]}' is not in the contract" if unknown else "it has no command"
        raise UsageError(f"--bundle {name}: {what}, so no episode can be drawn up.")
    return opened


def output_folder(output: str | None, command: str, bundle: Bundle) -> Path:
    """The folder for results, made if need be."""
    folder = Path(output) if output is not None else Path(command) / bundle.path.resolve().name.removesuffix(".zip")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--output {folder}: is a file; name a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def refusals(bundle: Bundle, engines: Sequence[str]) -> dict[str, str]:
    """Engines in which this task cannot be run, and why."""
    from gaitway.transfer.engines import PRESETS

    task = bundle.contract.task
    more = [name for name in task.scene if name != "ground"]
    external = [term.name for term in bundle.contract.observations if term.kind == "external"]
    why = ""
    if more:
        why = f"plain MuJoCo has a robot on flat ground, and this task's scene also has: {', '.join(more)}"
    elif task.success.kind == "other":
        why = "success of this task is of kind 'other', which only its own environment can judge"
    elif external:
        why = f"there is nothing in plain MuJoCo that could give the observation '{external[0]}'"
    return {name: why for name in engines if why and PRESETS[name] is None}


def write_card(bundle: Bundle, section: str, text: str) -> None:
    """Write a section into the bundle's model card."""
    from gaitway.export.card import update_card

    update_card(bundle.path, section, text)


def _assess(bundle: Bundle, outcomes: Sequence[Outcome], folder: Path, how: str, seconds: float) -> dict[str, Any]:
    """Judge what happened, compare the engines, and write table and picture."""
    import numpy as np

    from gaitway.runs.files import write_text
    from gaitway.transfer import tables
    from gaitway.transfer.judge import judge, sum_up
    from gaitway.transfer.parting import compare
    from gaitway.transfer.pictures import draw_transfer

    contract = bundle.contract
    episodes: dict[str, Episodes] = {}
    verdicts: list[Verdict] = []
    traces = {outcome.engine: outcome.traces for outcome in outcomes if outcome.traces is not None}
    for name, trace in traces.items():
        episodes[name] = judge(contract, trace)
        verdicts.append(sum_up(bundle, trace, episodes[name]))
    partings: dict[tuple[str, str], tuple[Comparison, list[Parting]]] = {}
    first = next(iter(traces), "")
    for name in list(traces)[1:]:
        ended = np.minimum(episodes[first].ended, episodes[name].ended)
        partings[first, name] = compare(contract, traces[first], traces[name], ended)
    comparisons = [item for item, _ in partings.values()]
    result: dict[str, Any] = {
        "bundle": str(bundle.path),
        "task": contract.made_by.task,
        "engines": {verdict.engine: verdict.as_dict() for verdict in verdicts},
        "failed": {outcome.engine: outcome.error for outcome in outcomes if outcome.error is not None},
        "partings": [item.as_dict() for item in comparisons],
        "text": "",
    }
    if verdicts:
        lines = [tables.transfer_table(verdicts), tables.interventions_line(verdicts), *_gaps(verdicts)]
        lines += tables.parting_lines(comparisons)
        result["text"] = _preface(contract, verdicts[0].episodes, how, seconds) + "\n\n" + "\n".join(lines)
        result["table"], result["picture"] = str(folder / "transfer.md"), str(folder / "transfer.png")
        write_text(folder / "transfer.md", result["text"] + "\n")
        title = f"{contract.made_by.task}, {contract.made_by.agent}: {verdicts[0].episodes} episodes an engine"
        draw_transfer(folder / "transfer.png", title, verdicts, episodes, partings, seconds)
    return result


def _preface(contract: Any, episodes: int, how: str, seconds: float) -> str:
    return (
        f"{episodes} episodes of {seconds:g} s in each engine, {how}; the same commands and first states in all. "
        f"Trained in {contract.made_by.engine}."
    )


def _gaps(verdicts: Sequence[Verdict]) -> list[str]:
    """Engines whose success is far from the first one's."""
    first = verdicts[0]
    return [
        f"Success in {verdict.engine} is {100 * (verdict.success_rate - first.success_rate):+.0f} points from that in "
        f"{first.engine}."
        for verdict in verdicts[1:]
        if abs(verdict.success_rate - first.success_rate) > GAP
    ]


def _show(console: Console, result: dict[str, Any], folder: Path) -> None:
    console.print(result["text"], markup=False)
    for name, why in result["failed"].items():
        console.print(f"{name} failed: {why}", markup=False)
    console.print(f"Table, picture and traces are in {folder}, after {result['seconds']:.0f} s.")
