"""The model card: what was measured of a policy, and what its robot must have."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gaitway.errors import UsageError
from gaitway_deploy.bundle import CARD, CHECKSUMS, Bundle

from .bundle import replace_bundle

TRANSFER, ROBUSTNESS = "Transfer", "Robustness"
"""Sections that ``gaitway transfer`` and ``gaitway robustness`` fill."""
_VARIED = {
    "randomize_rigid_body_material": "friction of the contacts",
    "randomize_rigid_body_mass": "masses",
    "randomize_rigid_body_com": "centres of mass",
    "randomize_actuator_gains": "gains of the motors",
    "RandomizeEffortLimits": "strength of the motors",
    "randomize_joint_parameters": "friction of the joints",
    "push_by_setting_velocity": "pushes",
    "apply_external_force_torque": "pushes",
}
"""What events vary, by the name of their function."""


def write_card(
    contract: dict[str, Any],
    events: dict[str, dict[str, Any]],
    training: dict[str, Any],
    verdict: dict[str, Any] | None,
    checks: dict[str, float],
) -> str:
    """The card of a new bundle.

    Args:
        contract: The contract.
        events: What was drawn at random in training, as :func:`describe_events` gives it.
        training: ``steps``, ``iterations``, ``seconds``, ``environments``, ``device``, ``machine`` (words),
            ``randomisation`` (its preset), ``options`` (words), ``versions`` (by package), and ``changed``: settings of
            the task that were others then.
        verdict: How the policy did at export: a :class:`~gaitway.runs.judge.Verdict` as a dict, with ``engine``; None
            where it was not judged.
        checks: Largest differences found at export: ``onnx``.
    """
    made_by, robot, task = contract["made_by"], contract["robot"], contract["task"]
    sections = {
        "What it does": [
            f"{task['summary']} Success: {task['success_text']}",
            "",
            f"Robot: {robot['name']}, {len(robot['joints'])} joints. Task: `{made_by['task']}`.",
        ],
        "How it was trained": _training(contract, training),
        "What was varied in training": _variations(contract, events, training["randomisation"]),
        "How well it does": _verdict(verdict, checks),
        "What the robot must have": _needs(contract),
        "Commands": _commands(contract),
        "What it was not trained for": _not_trained_for(contract, events),
        TRANSFER: ["Not measured yet. `gaitway transfer --bundle` runs it in three physics engines."],
        ROBUSTNESS: ["Not measured yet. `gaitway robustness --bundle` finds how much it bears."],
    }
    head = [
        f"# {made_by['task']}: {robot['name']}",
        "",
        "A bundle is data: a network, numbers, shapes and text. Nothing in it is executed or unpickled.",
    ]
    lines = head
    for title, body in sections.items():
        lines += ["", f"## {title}", "", *body]
    return "\n".join(lines) + "\n"


def update_card(path: str | Path, section: str, text: str) -> None:
    """Replace a section of a bundle's model card, and with it the checksums; the bundle changes whole or not at all.

    Args:
        path: The bundle: a folder or a zip file.
        section: Title of the section, such as ``Transfer``; added at the end where there is none.
        text: Its body in Markdown, without headings of the first two levels.

    Raises:
        UsageError: The text has such a heading, or the bundle cannot be written.
        BundleError: The bundle is refused.
    """
    if any(line.startswith(("# ", "## ")) for line in text.splitlines()):
        raise UsageError(f"The section '{section}' of a model card may have headings of the third level (###) only.")
    bundle = Bundle.open(path)
    card = with_section(bundle.files[CARD].decode("utf-8"), section, text)
    files = {name: data for name, data in bundle.files.items() if name != CHECKSUMS}
    replace_bundle({**files, CARD: card.encode("utf-8")}, Path(path))


def with_section(card: str, section: str, text: str) -> str:
    """A card with the body of one section replaced, or added at the end."""
    before: list[str] = []
    after: list[str] = []
    place, found = before, False
    for line in card.rstrip("\n").split("\n"):
        if line.startswith("## "):
            here = line.removeprefix("## ").strip() == section
            place = None if here else (after if found or here else before)  # type: ignore[assignment]
            found |= here
            if here:
                continue
        if place is not None:
            place.append(line)
    parts = ["\n".join(before).rstrip("\n"), f"## {section}\n\n{text.strip()}", "\n".join(after).strip("\n")]
    return "\n\n".join(part for part in parts if part) + "\n"


def describe_events(train_cfg: Any) -> dict[str, dict[str, Any]]:
    """What was drawn at random in training: mode, function and ranges of each event, by its name."""
    return {
        name: {
            "mode": term.mode,
            "function": term.func.__name__,
            "ranges": {k: v for k, v in term.params.items() if _is_range(v) and v != (0.0, 0.0)},
        }
        for name, term in vars(train_cfg.events).items()
        if hasattr(term, "func")
    }


def _is_range(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(_is_range(part) for part in value.values())
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(edge, int | float) for edge in value)


# -- sections -----------------------------------------------------------------------------------------


def _training(contract: dict[str, Any], training: dict[str, Any]) -> list[str]:
    made_by, policy = contract["made_by"], contract["policy"]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(training["versions"].items()))
    return [
        *_table(
            ("", ""),
            [
                ("Agent", f"`{made_by['agent']}`: {policy['algorithm']} of {policy['library']}"),
                ("Steps", f"{training['steps']:,} in {training['iterations']:,} iterations"),
                ("Wall time", _duration(training["seconds"])),
                ("Environments", f"{training['environments']:,} on {training['device']} ({training['machine']})"),
                ("Physics engine", f"`{made_by['engine']}`"),
                ("Options", training["options"] or "none"),
                ("Made", f"{made_by['created']} by gaitway {made_by['gaitway']}"),
            ],
        ),
        "",
        f"Trained with: {versions}.",
        *_changed(training["changed"]),
    ]


def _duration(seconds: float) -> str:
    return f"{seconds / 60.0:.1f} minutes" if seconds >= 60.0 else f"{seconds:.0f} seconds"


def _changed(names: list[str]) -> list[str]:
    if not names:
        return []
    listed = ", ".join(f"`{name}`" for name in names[:20])
    return [
        "",
        f"The task was changed after training, in {len(names)} settings: {listed}. This card and the contract describe "
        "it as it was at export.",
    ]


def _variations(contract: dict[str, Any], events: dict[str, dict[str, Any]], level: str) -> list[str]:
    rows = [
        (name, event["mode"], "; ".join(f"{key} {_edges(value)}" for key, value in event["ranges"].items()))
        for name, event in events.items()
    ]
    lines = _table(("Event", "When", "Drawn from"), rows) if rows else ["Nothing."]
    noisy = [term for term in contract["observations"] if term["noise"]]
    late = [term for term in contract["observations"] if term["latency_s"][1] > 0.0]
    slow = [action for action in contract["actions"] if action["delay_s"][1] > 0.0]
    slow += [joint for joint in contract["robot"]["joints"] if joint["actuator"]["delay_s"][1] > 0.0]
    lines = [f"Preset of the randomisation: `{level}`.", "", *lines, ""]
    noise = [
        f"{t['name']} {_edges((t['noise']['low'], t['noise']['high']))} {t['unit'].removesuffix('1')}".rstrip()
        for t in noisy
    ]
    lines += [f"Noise of the sensors: {_listed(noise)}."]
    latencies = [f"{t['name']} {_edges(t['latency_s'])} s" for t in late]
    lines += [f"Sensors late by: {_listed(latencies)}."]
    delays = [f"{a['name']} {_edges(a.get('delay_s') or a['actuator']['delay_s'])} s" for a in slow]
    lines += [f"Motors late by: {_listed(delays)}."]
    return lines


def _verdict(verdict: dict[str, Any] | None, checks: dict[str, float]) -> list[str]:
    if verdict is None:
        lines = ["It was not judged at export (`--episodes 0`)."]
    else:
        low, high = 100 * verdict["success_low"], 100 * verdict["success_high"]
        rows = [
            ("Success", f"{100 * verdict['success_rate']:.1f} % (95 % interval {low:.1f} to {high:.1f} %)"),
            ("Return", f"{verdict['return_mean']:.3f} ± {verdict['return_std']:.3f}"),
            ("Length", f"{verdict['length_mean']:.0f} steps"),
            *((name, f"{value:.3f}") for name, value in sorted(verdict["metrics"].items())),
        ]
        lines = [
            f"Over {verdict['episodes']} episodes in `{verdict['engine']}`, the engine it was trained in, without "
            "noise and randomisation:",
            "",
            *_table(("", ""), rows),
        ]
    return [
        *lines,
        "",
        f"The ONNX file answers as the trained network does, within {checks['onnx']:.1e} (relative to the larger of 1 "
        "and the action) over 256 observations from training.",
    ]


def _needs(contract: dict[str, Any]) -> list[str]:
    timing = contract["timing"]
    rows = [
        (term["name"], term["source"], term["unit"] or "as trained", term["frame"] or "as trained")
        for term in contract["observations"]
    ]
    rate = f"It acts every {1e3 * timing['control_dt']:g} ms ({1.0 / timing['control_dt']:g} Hz)."
    motors = "The motors take position targets with a stiffness and a damping for each joint (see `contract.json`)."
    weight = " The robot's own controller must carry its weight." if contract["robot"]["gravity_compensated"] else ""
    others = [name for name in contract["task"]["scene"] if name != "ground"]
    scene = f" The scene has also: {', '.join(others)}." if others else ""
    return [
        *_table(("Observation", "From", "Unit", "Frame"), rows),
        "",
        f"{rate} {motors}{weight}{scene}",
    ]


def _commands(contract: dict[str, Any]) -> list[str]:
    rows = [
        (f"{command['name']}.{element['name']}", element["unit"], f"{element['low']:g}", f"{element['high']:g}")
        for command in contract["commands"]
        for element in command["elements"]
    ]
    lines = _table(("Command", "Unit", "From", "To"), rows)
    angles = [(command["name"], command["euler"]) for command in contract["commands"] if command["euler"]]
    for name, euler in angles:
        drawn = ", ".join(f"{axis} {_edges(euler[axis])}" for axis in ("roll", "pitch", "yaw"))
        lines += ["", f"Orientations of {name}: {drawn} rad, about the fixed x, y and z axes in this order."]
    return lines


def _not_trained_for(contract: dict[str, Any], events: dict[str, dict[str, Any]]) -> list[str]:
    varied = {_VARIED[event["function"]] for event in events.values() if event["function"] in _VARIED}
    fixed = sorted({*_VARIED.values()} - varied)
    fixed += [] if any(term["noise"] for term in contract["observations"]) else ["noise of the sensors"]
    fixed += [] if any(term["latency_s"][1] > 0.0 for term in contract["observations"]) else ["latency of the sensors"]
    late = any(part["delay_s"][1] > 0.0 for part in contract["actions"])
    late |= any(joint["actuator"]["delay_s"][1] > 0.0 for joint in contract["robot"]["joints"])
    fixed += [] if late else ["delay of the motors"]
    scene = _listed(contract["task"]["scene"])
    return [
        "- Commands outside the ranges above, and another rate than the one above.",
        f"- Surroundings with anything but: {scene}.",
        f"- Differences from the simulated robot in what was not varied: {_listed(fixed)}.",
    ]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    lines = [list(head), *(list(row) for row in rows)]
    marked = [f"| {' | '.join(line)} |" for line in lines]
    return [marked[0], "|" + " --- |" * len(lines[0]), *marked[1:]]


def _edges(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_edges(part)}" for key, part in value.items())
    return f"{value[0]:g} to {value[1]:g}"


def _listed(items: list[str]) -> str:
    return ", ".join(items) if items else "none"


def card_sections(card: str) -> dict[str, str]:
    """Body of each section of a card, by its title."""
    sections: dict[str, list[str]] = {}
    title = ""
    for line in card.splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ").strip()
            sections[title] = []
        elif title:
            sections[title].append(line)
    return {title: "\n".join(body).strip() for title, body in sections.items()}
