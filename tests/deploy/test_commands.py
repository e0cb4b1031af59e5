"""Commands: within what the policy knows, drawn as in training, and refused by name where they do not fit."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gaitway_deploy.commands import Constant, EmergencyStop, Gamepad, Keyboard, Random, Script, idle, quat_from_euler
from gaitway_deploy.contract import Contract
from gaitway_deploy.errors import DeployError

from . import sample

GO2 = Contract.from_dict(sample.go2_contract())
FRANKA = Contract.from_dict(sample.franka_contract())
VELOCITY = tuple(item.name for item in GO2.command("base_velocity").elements)
POSE = [0.5, 0.1, 0.3, 1.0, 0.0, 0.0, 0.0]


def changed(contract: Contract, **values: Any) -> Contract:
    """The same contract with another command."""
    raw = json.loads(json.dumps(dict(contract.raw)))
    raw["commands"][0].update(values)
    return Contract.from_dict(raw)


# -- constant and scripted ----------------------------------------------------------------------------


def test_constant_says_what_was_asked_within_the_ranges_of_training():
    velocity = GO2.command("base_velocity")
    assert [(item.low, item.high) for item in velocity.elements] == [(-1.0, 1.0)] * 3
    source = Constant(GO2, {"base_velocity": [0.5, -3.0, 9]})
    for now in (0.0, 100.0):
        assert source.read(now)["base_velocity"].tolist() == [0.5, -1.0, 1.0]


def test_nothing_asked_for_is_to_stand_still_or_the_middle_of_the_poses():
    assert Constant(GO2).read(0.0)["base_velocity"].tolist() == [0.0, 0.0, 0.0]
    # x 0.35 to 0.65, y -0.2 to 0.2, z 0.15 to 0.5, pitch pi, no roll, yaw -3.14 to 3.14: half a turn about y.
    assert Constant(FRANKA).read(0.0)["ee_pose"] == pytest.approx([0.5, 0.0, 0.325, 0, 1, 0, 0], abs=1e-12)


def test_no_velocity_within_the_range_is_as_near_to_it_as_may_be():
    elements = [{"name": name, "unit": "", "low": 0.2, "high": 1.0} for name in VELOCITY]
    forward = changed(GO2, elements=elements).command("base_velocity")
    assert idle(forward).tolist() == [0.2, 0.2, 0.2]


@pytest.mark.parametrize(
    "given",
    [[0.5, 0.0], [0.5, 0.0, "0"], "123", 1.0, [0.5, 0.0, float("nan")], pytest.param([10**400, 0, 0], id="huge")],
)
def test_what_is_no_velocity_is_refused_with_its_elements(given):
    with pytest.raises(DeployError, match="command: 'base_velocity' must be 3 numbers: lin_vel_x"):
        Constant(GO2, {"base_velocity": given})


def test_a_command_that_the_policy_does_not_know_is_refused_with_those_it_knows():
    with pytest.raises(DeployError, match="no command 'speed'; the policy knows base_velocity"):
        Constant(GO2, {"speed": [1.0]})


def test_a_quaternion_is_a_rotation():
    asked = Constant(FRANKA, {"ee_pose": [*POSE[:3], 0.0, 1.004, 0.0, 0.0]}).read(0.0)["ee_pose"]
    assert asked[3:].tolist() == [0.0, 1.0, 0.0, 0.0]
    with pytest.raises(DeployError, match=r"quaternion of 'ee_pose' has the length 0\.000, not 1"):
        Constant(FRANKA, {"ee_pose": [*POSE[:3], 0.0, 0.0, 0.0, 0.0]})


def test_a_script_begins_when_it_is_first_read(tmp_path):
    path = tmp_path / "walk.json"
    path.write_text(json.dumps([{"time": 1, "base_velocity": [0.5, 0, 0]}, {"time": 2.5, "base_velocity": [0, 0, 1]}]))
    script = Script.from_file(GO2, path)
    forward = [script.read(40.0 + t)["base_velocity"].tolist() for t in (0.0, 0.99, 1.0, 2.49, 2.5, 99.0)]
    assert forward == [[0, 0, 0], [0, 0, 0], [0.5, 0, 0], [0.5, 0, 0], [0, 0, 1], [0, 0, 1]]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('{"time": 0}', "no script of commands"),
        ('[{"base_velocity": [0, 0, 0]}]', "no script of commands"),
        ("[1]", "no script of commands"),
        ("[", "no script of commands"),
        pytest.param("[" * 100_000, "no script of commands", id="deep"),
        ('[{"time": 1e999}, {"time": NaN}]', "entry 1: its time"),
        ('[{"time": 2}, {"time": 1}]', "entry 1: its time 1.0 is before"),
        ('[{"time": 0, "speed": [1]}]', "script, entry 0: there is no command 'speed'"),
        ('[{"time": 0, "base_velocity": [1]}]', "script, entry 0: 'base_velocity' must be 3 numbers"),
    ],
)
def test_a_script_that_is_none_is_refused(tmp_path, text, cause):
    path = tmp_path / "walk.json"
    path.write_text(text)
    with pytest.raises(DeployError, match=cause):
        Script.from_file(GO2, path)


def test_a_script_that_is_not_there_is_refused_by_its_path(tmp_path):
    with pytest.raises(DeployError, match=r"nowhere\.json: no script"):
        Script.from_file(GO2, tmp_path / "nowhere.json")


# -- random -------------------------------------------------------------------------------------------


def draws(contract: Contract, name: str, number: int, seed: int = 0) -> np.ndarray:
    """What is asked for, drawn so often: one reading after each longest time that a command may stand."""
    source, longest = Random(contract, seed), contract.command(name).resample_s[1]
    return np.array([source.read(i * longest)[name] for i in range(number)])


def test_random_velocities_are_uniform_and_zero_as_often_as_in_training():
    elements = [
        {"name": n, "unit": "", "low": low, "high": 1.0} for n, low in zip(VELOCITY, (0.5, -1, -1), strict=True)
    ]
    found = draws(changed(GO2, elements=elements, zero_share=0.25), "base_velocity", 4000)
    still = (found == 0.0).all(axis=1)
    # Four standard deviations of each.
    assert still.mean() == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 4000) ** 0.5)
    moving = found[~still]
    for column, low in zip(moving.T, (0.5, -1.0, -1.0), strict=True):
        assert low <= column.min() < low + 0.01
        assert 0.99 < column.max() <= 1.0
        assert column.mean() == pytest.approx((low + 1) / 2, abs=4 * (1 - low) / (12 * len(moving)) ** 0.5)


def test_random_poses_are_within_the_ranges_that_were_drawn_in_training():
    found = draws(changed(FRANKA, zero_share=1.0), "ee_pose", 500)  # a share of zero is of velocities: no pose is zero
    low, high = np.array([0.35, -0.2, 0.15]), np.array([0.65, 0.2, 0.5])
    assert (found[:, :3] >= low).all()
    assert (found[:, :3] <= high).all()
    assert np.ptp(found[:, :3], axis=0) == pytest.approx(high - low, rel=0.05)
    # The hand points down, in any heading.
    turns = Rotation.from_quat(found[:, 3:])
    assert turns.apply([0.0, 0.0, 1.0]) == pytest.approx(np.tile([0.0, 0.0, -1.0], (500, 1)), abs=1e-9)
    headings = np.arctan2(*turns.apply([1.0, 0.0, 0.0]).T[1::-1])
    assert np.ptp(headings) > 6.0


def test_angles_are_about_fixed_axes():
    angles = np.random.default_rng(0).uniform(-3.0, 3.0, (20, 3))
    found = Rotation.from_quat([quat_from_euler(*row) for row in angles])
    assert (found * Rotation.from_euler("xyz", angles).inv()).magnitude() == pytest.approx(np.zeros(20), abs=1e-7)
    # A quarter turn about x, then one about y: what pointed up points to the right. The other order points it forward.
    assert Rotation.from_quat(quat_from_euler(np.pi / 2, np.pi / 2, 0.0)).apply([0, 0, 1]) == pytest.approx([0, -1, 0])


def test_what_only_a_task_could_draw_is_not_drawn():
    raw = json.loads(json.dumps(dict(GO2.raw)))
    raw["commands"][0]["kind"] = "other"
    raw["task"]["success"] = {"kind": "other"}
    assert np.unique(draws(Contract.from_dict(raw), "base_velocity", 20), axis=0).tolist() == [[0.0, 0.0, 0.0]]


def test_a_random_command_stands_for_as_long_as_in_training():
    contract = changed(GO2, resample_s=[4.0, 8.0], zero_share=0.0)
    source = Random(contract, 1)
    said = [tuple(source.read(step * 0.02)["base_velocity"]) for step in range(50_000)]
    stood = np.diff([0, *[i for i in range(1, len(said)) if said[i] != said[i - 1]]]) * 0.02
    assert len(stood) == pytest.approx(1000 / 6, rel=0.1)
    assert stood.min() >= 4.0 - 1e-9
    assert stood.max() <= 8.0 + 0.02 + 1e-9
    assert np.ptp(stood) > 3.5


def test_random_commands_are_those_of_their_seed():
    first, again, other = (draws(GO2, "base_velocity", 5, seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    with pytest.raises(DeployError, match="seed -1"):
        Random(GO2, -1)


# -- by hand ------------------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch):
    """A terminal as standard input; what is given to the fixture's value is typed."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield SimpleNamespace(
            type=lambda text: os.write(ours, text.encode()), fd=theirs, hang_up=lambda: os.close(ours)
        )
    with contextlib.suppress(OSError):
        os.close(ours)


def wait_for(condition: Any, seconds: float = 10.0) -> bool:
    """Whether a condition became true."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def says(source: Any, values: list[float]) -> bool:
    """Whether a source comes to ask for this velocity."""
    return wait_for(lambda: np.allclose(source.read(0.0)["base_velocity"], values))


def stops(source: Any) -> bool:
    """Whether a source comes to stop the robot."""

    def stopped() -> bool:
        try:
            source.read(0.0)
        except EmergencyStop:
            return True
        return False

    return wait_for(stopped)


def listening() -> bool:
    """Whether a thread listens to the keyboard."""
    return any(thread.name == "Keyboard" for thread in threading.enumerate())


def test_keys_steer_within_the_ranges_and_the_terminal_is_given_back(terminal):
    import termios

    before = termios.tcgetattr(terminal.fd)
    keyboard = Keyboard(GO2, step=0.25)
    try:
        assert termios.tcgetattr(terminal.fd) != before  # keys come without Return
        assert says(keyboard, [0.0, 0.0, 0.0])
        terminal.type("wwadqq")
        assert says(keyboard, [0.5, 0.0, 0.5])
        terminal.type("wwwwwwsdde")
        assert says(keyboard, [0.75, -0.5, 0.25])
        terminal.type(" ")
        assert says(keyboard, [0.0, 0.0, 0.0])
    finally:
        keyboard.close()
    assert not listening()  # it would take what is typed for others
    assert keyboard.read(0.0) is None
    assert termios.tcgetattr(terminal.fd) == before


@pytest.mark.parametrize("key", ["x", "\x1b", "\x1b[A"])
def test_a_key_stops_for_good(terminal, key):
    keyboard = Keyboard(GO2)
    try:
        terminal.type(key)
        assert stops(keyboard)
        terminal.type(" w")
        time.sleep(0.2)
        with pytest.raises(EmergencyStop):
            keyboard.read(1.0)
    finally:
        keyboard.close()


@pytest.mark.parametrize("how", ["end of file", "error"])
def test_a_terminal_that_is_gone_stops_and_the_thread_ends(terminal, monkeypatch, how):
    if how == "error":  # which of them it is, is the system's choice
        monkeypatch.setattr(os, "read", lambda file, size: (_ for _ in ()).throw(OSError("input/output error")))
    keyboard = Keyboard(GO2)
    terminal.hang_up()
    assert stops(keyboard)
    assert wait_for(lambda: not listening())
    keyboard.close()


def test_the_keyboard_needs_a_terminal_and_a_velocity(monkeypatch, tmp_path):
    with (tmp_path / "empty").open("w+") as file:
        monkeypatch.setattr(sys, "stdin", file)
        with pytest.raises(DeployError, match="needs a terminal"):
            Keyboard(GO2)
    with pytest.raises(DeployError, match="Gaitway-Reach-Franka has no command of a velocity"):
        Keyboard(FRANKA)


class FakeStick:
    """A gamepad of six axes, two of them triggers, and ten buttons."""

    def __init__(self, axes: int = 6):
        self.axes, self.pressed = [0.0] * axes, set()

    def get_numaxes(self) -> int:
        return len(self.axes)

    def get_axis(self, i: int) -> float:
        return self.axes[i]

    def get_numbuttons(self) -> int:
        return 10

    def get_button(self, i: int) -> bool:
        return i in self.pressed


@pytest.fixture
def gamepads(monkeypatch):
    """pygame with a list of gamepads and of events to come."""
    sticks, events = [FakeStick()], []
    joystick = SimpleNamespace(init=lambda: None, get_count=lambda: len(sticks), Joystick=lambda i: sticks[i])
    event = SimpleNamespace(get=lambda: [events.pop(0) for _ in range(len(events))])
    display = SimpleNamespace(init=lambda: None)
    fake = SimpleNamespace(display=display, joystick=joystick, event=event, quit=lambda: None, JOYDEVICEREMOVED=1)
    monkeypatch.setitem(sys.modules, "pygame", fake)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    return SimpleNamespace(sticks=sticks, events=events)


def test_sticks_steer_and_a_button_stops(gamepads):
    pad, stick = Gamepad(GO2), gamepads.sticks[0]
    stick.axes[:4] = [0.5, -1.0, -1.0, -0.25]  # left stick to the right and all forward, trigger, right stick left
    assert pad.read(0.0)["base_velocity"].tolist() == [1.0, -0.5, 0.25]
    stick.axes[:4] = [0.05, 0.05, 1.0, -0.05]  # a hand that rests
    assert pad.read(0.0)["base_velocity"].tolist() == [0.0, 0.0, 0.0]
    stick.pressed.add(0)
    assert pad.read(0.0) is not None
    for button in Gamepad.STOP_BUTTONS:
        stick.pressed = {button}
        with pytest.raises(EmergencyStop):
            pad.read(0.0)


def test_a_gamepad_without_triggers_turns_by_its_third_axis(gamepads):
    gamepads.sticks[:] = [FakeStick(axes=4)]
    pad = Gamepad(GO2)
    gamepads.sticks[0].axes[2] = 1.0
    assert pad.read(0.0)["base_velocity"].tolist() == [0.0, 0.0, -1.0]


def test_a_gamepad_that_is_pulled_out_is_silent_for_good(gamepads):
    pad = Gamepad(GO2)
    gamepads.events.append(SimpleNamespace(type=1))
    assert pad.read(0.0) is None
    assert pad.read(1.0) is None


def test_a_gamepad_that_is_not_there_is_said(gamepads, monkeypatch):
    gamepads.sticks.clear()
    with pytest.raises(DeployError, match="no gamepad"):
        Gamepad(GO2)
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(DeployError, match=r"install 'gaitway-deploy\[gamepad\]'"):
        Gamepad(GO2)
