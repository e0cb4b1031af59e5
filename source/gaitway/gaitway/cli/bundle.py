"""``gaitway verify`` and ``gaitway inspect``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .terminal import print_json, show

if TYPE_CHECKING:
    from gaitway_deploy.bundle import Bundle
    from gaitway_deploy.contract import Contract

WIDE = 160
"""Columns of what is printed to no terminal."""
DATA_ONLY = "A bundle is data: nothing in it is executed or unpickled."


def verify(*, bundle: str, as_json: bool) -> None:
    """Check a bundle; the options are those of the command."""
    import gaitway_deploy.bundle as bundles

    found = bundles.verify(bundle)
    show(f"{bundle}: {found.files} files, {found.bytes / 1e6:.1f} MB, as exported.", as_json=as_json)
    show(f"Self-test  {found.selftest_max_diff:.1e}  largest difference of an action", as_json=as_json)
    show(f"Episode    {found.episode_max_diff:.1e}  of an observation, built from the recorded states", as_json=as_json)
    show(f"           {found.episode_targets_max_diff:.1e}  of a joint target", as_json=as_json)
    show(DATA_ONLY, as_json=as_json)
    if as_json:
        print_json({"bundle": bundle, **asdict(found)})


def inspect(*, path: str, as_json: bool) -> None:
    """Show a bundle or a flight recording; the options are those of the command."""
    if path.endswith(".npz"):
        _inspect_recording(path, as_json)
        return
    from gaitway_deploy.bundle import Bundle

    opened = Bundle.open(path)
    if as_json:
        print_json(_bundle_facts(path, opened))
    else:
        _print_bundle(path, opened)


def _bundle_facts(path: str, bundle: Bundle) -> dict[str, Any]:
    from gaitway.export import card_sections
    from gaitway_deploy.bundle import CARD

    return {
        "bundle": path,
        "contract": dict(bundle.contract.raw),
        "files": {name: len(data) for name, data in sorted(bundle.files.items())},
        "card": card_sections(bundle.files[CARD].decode("utf-8")),
        "executes_anything": False,
    }


def _print_bundle(path: str, bundle: Bundle) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    from gaitway.export import ROBUSTNESS, TRANSFER, card_sections
    from gaitway_deploy.bundle import CARD

    contract = bundle.contract
    robot, timing, made_by, task = contract.robot, contract.timing, contract.made_by, contract.task
    console = Console()
    if not console.is_terminal:  # a file or a pipe has room
        console = Console(width=WIDE)
    console.print(f"[bold]{path}[/bold]: {made_by.task}, {made_by.agent} after {made_by.step:,} steps", highlight=False)
    console.print(f"{task.summary} Success: {task.success_text}", highlight=False)
    base = f"free, base frame '{robot.base_link}'" if robot.floating_base else f"fixed at '{robot.base_link}'"
    weight = "; its own controller must carry its weight" if robot.gravity_compensated else ""
    console.print(f"Robot   {robot.name}, {len(robot.joints)} joints, {base}{weight}", highlight=False)
    console.print(
        f"Rates   acts at {1.0 / timing.control_dt:g} Hz; physics in training at {1.0 / timing.physics_dt:g} Hz "
        f"in {made_by.engine}",
        highlight=False,
    )
    for table in (_joints(contract), _observations(contract), _commands(contract), _actions(contract)):
        console.print(table)
    console.print(_files(bundle))
    sections = card_sections(bundle.files[CARD].decode("utf-8"))
    for title in ("How well it does", TRANSFER, ROBUSTNESS):
        if title in sections:
            console.print(Markdown(f"**{title}**\n\n{sections[title]}"))
    console.print(f"{DATA_ONLY} Checksums, schema, network and description agree; 'gaitway verify' also runs it.")


def _table(title: str, *columns: str) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0)  # a name is of no use cut short
    return table


def _joints(contract: Contract) -> Any:
    table = _table("Joints", "Name", "Unit", "Default", "Limits", "Velocity", "Effort", "Stiffness", "Damping")
    for joint in contract.robot.joints:
        table.add_row(
            joint.name,
            joint.unit,
            f"{joint.default_pos:g}",
            _edges(joint.pos_limits),
            _number(joint.vel_limit),
            _number(joint.effort_limit),
            f"{joint.stiffness:g}",
            f"{joint.damping:g}",
        )
    return table


def _observations(contract: Contract) -> Any:
    columns = ("Name", "Numbers", "Kind", "From", "Unit", "Scale", "Clip", "Steps", "Noise in training")
    table = _table(f"Observation, {contract.obs_width} numbers", *columns)
    for term in contract.observations:
        scales = sorted(set(term.scale.tolist()))
        table.add_row(
            term.name,
            str(term.size),
            term.kind,
            term.source,
            term.unit,
            f"{scales[0]:g}" if len(scales) == 1 else "various",
            _edges(term.clip),
            str(term.history.length),
            _edges((term.noise.low, term.noise.high)) if term.noise else "none",
        )
    return table


def _commands(contract: Contract) -> Any:
    table = _table("Commands", "Name", "Unit", "From", "To")
    for command in contract.commands:
        for element in command.elements:
            table.add_row(f"{command.name}.{element.name}", element.unit, f"{element.low:g}", f"{element.high:g}")
    return table


def _actions(contract: Contract) -> Any:
    table = _table(f"Actions, {contract.action_width} numbers", "Name", "Type", "Joints", "Meaning")
    for action in contract.actions:
        if action.scale is not None:
            scales = sorted(set(action.scale.tolist()))
            scale = f"{scales[0]:g}" if len(scales) == 1 else "scale"
            start = "measured" if action.offset is None else "offset"
            meaning = f"target = {start} + {scale} x action" + (", clipped" if action.clip is not None else "")
        else:
            meaning = "opens where it is 0 or more, else closes"
        table.add_row(action.name, action.type, ", ".join(action.joints), meaning)
    return table


def _files(bundle: Bundle) -> Any:
    table = _table("Files", "Name", "Bytes")
    for name, data in sorted(bundle.files.items()):
        table.add_row(name, f"{len(data):,}")
    return table


def _edges(pair: tuple[float, float] | None) -> str:
    return "none" if pair is None else f"{pair[0]:g} to {pair[1]:g}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def _inspect_recording(path: str, as_json: bool) -> None:
    from gaitway_deploy.recorder import read_recording

    recording = read_recording(path)
    stops = [item for item in recording.about["interventions"] if item["stops"]]
    show(f"{path}: a flight recording. It is data: nothing in it is executed or unpickled.", as_json=as_json)
    show(recording.summary(), as_json=as_json)
    if as_json:
        times = recording.arrays["time"]
        print_json(
            {
                "recording": path,
                "periods": len(recording),
                "seconds": float(times[-1] - times[0]) if len(recording) else 0.0,
                "modes": {mode: recording.modes.count(mode) for mode in sorted(set(recording.modes))},
                "stopped_by": stops[0] if stops else None,
                "executes_anything": False,
                **recording.about,
            }
        )
