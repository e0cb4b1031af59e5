"""``gaitway-deploy``: run a bundle on a robot, check one, look at one."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .bundle import Bundle, verify
from .commands import CommandSource, Constant, Gamepad, Keyboard, Random, Script
from .drivers import make_robot
from .errors import DeployError
from .guard import GuardedRobot
from .policy import Policy
from .recorder import FlightRecorder, read_recording
from .runtime import Report, Runtime
from .safety import SafetyCfg


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; wrong input ends with one line and exit status 2, a robot that was stopped with 3."""
    options = _parser().parse_args(words)
    try:
        return options.function(options)
    except DeployError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gaitway-deploy", description=__doc__)
    parser.add_argument("--version", action="version", version=f"gaitway-deploy {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run", help="run a bundle on a robot", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    run.set_defaults(function=_run)
    run.add_argument("bundle", help="folder or zip file")
    run.add_argument("--robot", default="mujoco", help="mujoco, replay, or your driver as package.module:Class")
    run.add_argument(
        "--robot_option", action="append", default=[], metavar="KEY=VALUE", help="for the driver; again for more"
    )
    run.add_argument("--recording", help="flight recording for --robot replay; else the bundle's episode")
    run.add_argument(
        "--command",
        default="idle",
        help='idle, random, keyboard, gamepad, a script.json, or JSON such as {"base_velocity": [0.5, 0, 0]}',
    )
    run.add_argument("--seconds", type=float, help="how long, soft start included; without end if not given")
    run.add_argument("--seed", type=int, default=0, help="of random commands and the simulated robot's noise")
    run.add_argument("--rate_multiple", type=int, default=1, help="loop periods in a step of the policy")
    run.add_argument("--realtime", action="store_true", help="have the simulated robot keep to the wall clock")
    run.add_argument("--viewer", action="store_true", help="open MuJoCo's viewer, in real time")
    run.add_argument("--guard", metavar="LOG", help="drive the robot from a guard process that writes this log")
    run.add_argument("--record", metavar="FILE.npz", help="keep the last minute")
    run.add_argument(
        "--safety", action="append", default=[], metavar="KEY=VALUE", help="change a rule; none switches it off"
    )
    run.add_argument("--json", action="store_true", help="print one JSON object as the last line")

    check = commands.add_parser("verify", help="check a bundle")
    check.set_defaults(function=_verify)
    check.add_argument("bundle")
    check.add_argument("--json", action="store_true")

    show = commands.add_parser("inspect", help="show a bundle or a flight recording")
    show.set_defaults(function=_inspect)
    show.add_argument("path")
    show.add_argument("--json", action="store_true")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.seconds is not None and not (options.seconds > 0.0 and math.isfinite(options.seconds)):
        raise DeployError(f"--seconds {options.seconds}: must be a positive number.")
    if options.guard is not None and options.robot == "replay":
        raise DeployError("--guard: a recording has no motors to guard, and its time is not that of the world.")
    bundle = Bundle.open(options.bundle)
    policy = Policy(bundle)
    safety = _safety(options.safety)
    make = functools.partial(make_robot, options.bundle, options.robot, _robot_options(options), options.recording)
    recorder = None
    if options.record is not None:
        recorder = FlightRecorder(bundle.contract, options.record, rate_multiple=options.rate_multiple)
    with contextlib.ExitStack() as stack:
        command = _closed_by(stack, _command(options, bundle))
        robot = GuardedRobot(make, bundle.contract, options.guard) if options.guard else make(bundle)
        runtime = Runtime(
            policy,
            _closed_by(stack, robot),
            safety,
            command=command,
            recorder=recorder,
            rate_multiple=options.rate_multiple,
        )
        report = runtime.run(options.seconds)
    _print_report(report, options)
    return 0 if report.stop is None else 3


def _closed_by(stack: contextlib.ExitStack, part: Any) -> Any:
    """The part, which is closed at the end if it can be."""
    if hasattr(part, "close"):
        stack.callback(part.close)
    return part


def _robot_options(options: argparse.Namespace) -> dict[str, Any]:
    given = dict(_pair(word, "--robot_option") for word in options.robot_option)
    if options.robot == "mujoco":
        realtime = options.realtime or options.viewer or options.guard is not None
        given = {"seed": options.seed, "realtime": realtime, "viewer": options.viewer, **given}
    return given


def _safety(words: Sequence[str]) -> SafetyCfg:
    known = [item.name for item in dataclasses.fields(SafetyCfg)]
    changes = dict(_pair(word, "--safety") for word in words)
    for name, value in changes.items():
        if name not in known:
            raise DeployError(f"--safety {name}: there is no such rule; there are {', '.join(known)}.")
        if value is not None and not isinstance(value, (int, float)):
            raise DeployError(f"--safety {name}={value}: must be a number, or none.")
    return SafetyCfg(**changes)


def _pair(word: str, option: str) -> tuple[str, Any]:
    key, equals, text = word.partition("=")
    if not (key and equals):
        raise DeployError(f"{option} {word}: must look like KEY=VALUE.")
    if text.lower() == "none":
        return key, None
    with contextlib.suppress(ValueError):
        return key, json.loads(text.lower() if text in ("True", "False") else text)
    return key, text


def _command(options: argparse.Namespace, bundle: Bundle) -> CommandSource:
    contract, word = bundle.contract, options.command
    if word == "idle":
        return Constant(contract)
    if word == "random":
        return Random(contract, options.seed)
    if word == "keyboard":
        return Keyboard(contract)
    if word == "gamepad":
        return Gamepad(contract)
    if word.endswith(".json"):
        return Script.from_file(contract, word)
    try:
        values = json.loads(word)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise DeployError(
            f"--command {word}: there are idle, random, keyboard, gamepad, a file that ends in .json, and JSON such as "
            '{"NAME": [0.5, 0, 0]}.'
        )
    return Constant(contract, values)


def _print_report(report: Report, options: argparse.Namespace) -> None:
    print(f"{report.steps} steps of the policy, {report.periods} periods of the loop, {report.seconds:.2f} s")
    for name, values in (("Begun late", report.lateness_ms), ("Period took", report.step_ms)):
        print(f"{name:<12} median {values['median']:.3f} ms, p99 {values['p99']:.3f} ms, most {values['max']:.3f} ms")
    for item in report.interventions:
        what = "stopped" if item.stops else f"limited, {item.count} times"
        print(f"{item.time:10.3f} s  {item.rule} {what}: {item.cause}")
    if options.record is not None:
        print(f"Recording: {options.record}")
    if options.json:
        plain = dataclasses.asdict(dataclasses.replace(report, lateness=None))  # type: ignore[arg-type]
        plain.pop("lateness")
        print(json.dumps(_finite(plain), allow_nan=False))


def _finite(value: Any) -> Any:
    """With null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _verify(options: argparse.Namespace) -> int:
    found = verify(options.bundle)
    print(f"{options.bundle}: {found.files} files, {found.bytes / 1e6:.1f} MB, as exported.")
    print(f"Self-test differs by at most {found.selftest_max_diff:.1e}.")
    if options.json:
        print(json.dumps({"bundle": options.bundle, **dataclasses.asdict(found)}))
    return 0


def _inspect(options: argparse.Namespace) -> int:
    if options.path.endswith(".npz"):
        recording = read_recording(options.path)
        print(recording.summary())
        if options.json:
            print(json.dumps({"recording": options.path, **_finite(dict(recording.about))}))
        return 0
    bundle = Bundle.open(options.path)
    contract = bundle.contract
    made_by = contract.made_by
    print(f"{Path(options.path).name}: {made_by.task}, {made_by.agent} after {made_by.step:,} steps")
    print(f"Robot        {contract.robot.name}; acts at {1.0 / contract.control_dt:g} Hz")
    print(f"Joints       {', '.join(contract.joint_names)}")
    for term in contract.observations:
        print(f"Observes     {term.name}: {term.size} numbers of {term.unit or 'no unit'}, from {term.source}")
    for command in contract.commands:
        print(f"Command      {command.name}: {', '.join(item.name for item in command.elements)}")
    for action in contract.actions:
        print(f"Action       {action.name}: {action.type} of {len(action.joints)} joints")
    print("A bundle is data: nothing in it is executed or unpickled.")
    if options.json:
        print(json.dumps({"bundle": options.path, "contract": dict(contract.raw)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
