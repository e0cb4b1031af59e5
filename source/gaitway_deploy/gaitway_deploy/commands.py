"""Where commands come from: what the robot is asked to do."""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .contract import Command, Contract
from .errors import DeployError

Values = Mapping[str, np.ndarray]
"""Commands by name. Shape of each is (elements,)."""


class EmergencyStop(Exception):
    """The user wants the robot stopped."""


class CommandSource(Protocol):
    """A source of commands."""

    def read(self, time: float) -> Values | None:
        """What is asked for now; None if nothing was heard since.

        Args:
            time: On the robot's clock. Unit: s.

        Raises:
            EmergencyStop: The robot is to be stopped.
        """
        ...


def check_values(contract: Contract, values: Mapping[str, Any], where: str) -> dict[str, np.ndarray]:
    """Commands as arrays, brought into the ranges that the policy was trained for.

    Args:
        contract: The contract.
        values: Sequences of numbers by command.
        where: What gives them, for the message.

    Raises:
        DeployError: There is no such command, it has other elements, or the quaternion of a pose is no rotation.
    """
    checked = {}
    for name, given in values.items():
        try:
            command = contract.command(name)
        except KeyError:
            known = ", ".join(command.name for command in contract.commands) or "none"
            raise DeployError(f"{where}: there is no command '{name}'; the policy knows {known}.") from None
        array = _numbers(given)
        if array.shape != (command.width,) or not np.isfinite(array).all():
            elements = ", ".join(f"{item.name} ({item.unit})" if item.unit else item.name for item in command.elements)
            raise DeployError(f"{where}: '{name}' must be {command.width} numbers: {elements}.")
        if command.kind == "pose":
            length = math.sqrt(sum(x * x for x in array[3:].tolist()))
            if abs(length - 1.0) > 0.01:
                raise DeployError(f"{where}: the quaternion of '{name}' has the length {length:.3f}, not 1.")
            array[3:] /= length
        checked[name] = within(command, array)
    return checked


def _numbers(given: Any) -> np.ndarray:
    """Numbers as an array; an empty one if they are none. Text is none, even if it reads as a number."""
    if isinstance(given, (str, bytes, Mapping)):
        return np.zeros(0)
    try:
        return np.array([float(x) if isinstance(x, (int, float, np.number)) else math.nan for x in given])
    except (TypeError, OverflowError):
        return np.zeros(0)


def within(command: Command, values: np.ndarray) -> np.ndarray:
    """Values brought into the ranges of a command."""
    low = [item.low for item in command.elements]
    high = [item.high for item in command.elements]
    return np.minimum(np.maximum(values, low), high)


def idle(command: Command) -> np.ndarray:
    """What a command is when nobody asks for anything: zero velocity, a pose in the middle of its range."""
    middle = np.array([0.5 * (item.low + item.high) for item in command.elements])
    if command.kind == "pose" and command.euler is not None:
        middle[3:] = quat_from_euler(*(0.5 * sum(command.euler[axis]) for axis in ("roll", "pitch", "yaw")))
        return middle
    return within(command, np.zeros(command.width))


def quat_from_euler(roll: float, pitch: float, yaw: float) -> np.ndarray:
    """Quaternion (x, y, z, w) of turns about x, then y, then z of the fixed frame."""
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(0.5 * a), math.sin(0.5 * a)) for a in (roll, pitch, yaw))
    return np.array(
        [
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
            cr * cp * cy + sr * sp * sy,
        ]
    )


class Constant:
    """Always the same.

    Args:
        contract: The contract.
        values: Sequences of numbers by command; those left out are :func:`idle`.

    Raises:
        DeployError: They do not fit the contract.
    """

    def __init__(self, contract: Contract, values: Mapping[str, Sequence[float]] | None = None):
        self._values = {command.name: idle(command) for command in contract.commands}
        self._values.update(check_values(contract, values or {}, "command"))

    def read(self, time: float) -> Values:
        """What is asked for."""
        return self._values


class Script:
    """One thing after the other.

    Args:
        contract: The contract.
        entries: Times after the first reading, ascending, with the commands from then on. Unit: s.

    Raises:
        DeployError: They do not fit the contract, or the times do not ascend.
    """

    def __init__(self, contract: Contract, entries: Sequence[tuple[float, Mapping[str, Sequence[float]]]]):
        values = {command.name: idle(command) for command in contract.commands}
        self._entries: list[tuple[float, dict[str, np.ndarray]]] = [(-math.inf, dict(values))]
        for i, (time, asked) in enumerate(entries):
            if not time >= self._entries[-1][0]:
                raise DeployError(f"script, entry {i}: its time {time} is before that of the entry before.")
            values.update(check_values(contract, asked, f"script, entry {i}"))
            self._entries.append((float(time), dict(values)))
        self._begin: float | None = None

    @classmethod
    def from_file(cls, contract: Contract, path: str | os.PathLike[str]) -> Script:
        """Read a JSON file: ``[{"time": 0, "base_velocity": [0.5, 0, 0]}, ...]``.

        Raises:
            DeployError: It cannot be read, or does not fit the contract.
        """
        try:
            entries = json.loads(Path(path).read_text(encoding="utf-8"))
            parsed = [
                (float(entry["time"]), {name: value for name, value in entry.items() if name != "time"})
                for entry in entries
            ]
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise DeployError(
                f"{os.fspath(path)}: no script of commands ({error}); it must be a JSON list such as "
                '[{"time": 0, "NAME": [0.5, 0, 0]}].'
            ) from None
        return cls(contract, parsed)

    def read(self, time: float) -> Values:
        """What is asked for."""
        if self._begin is None:
            self._begin = time
        since = time - self._begin + 1e-9
        return next(values for at, values in reversed(self._entries) if at <= since)


class Random:
    """Drawn as in training: a new one each time that the last has stood for as long as was drawn for it.

    Args:
        contract: The contract.
        seed: Of what is drawn.

    Raises:
        DeployError: The seed is negative.
    """

    def __init__(self, contract: Contract, seed: int = 0):
        if seed < 0:
            raise DeployError(f"seed {seed}: must be a whole number of at least 0.")
        self._rng = np.random.default_rng(seed)
        self._commands = contract.commands
        self._until: dict[str, float] = {}
        self._values: dict[str, np.ndarray] = {}

    def read(self, time: float) -> Values:
        """What is asked for."""
        for command in self._commands:
            # Counted from when it was due, not from when it was read: how often it is read changes nothing.
            until = self._until.get(command.name, time)
            while time >= until - 1e-9:
                self._values = {**self._values, command.name: draw(command, self._rng)}
                until += max(self._rng.uniform(*command.resample_s), 1e-3)
            self._until[command.name] = until
        return self._values


def draw(command: Command, rng: np.random.Generator) -> np.ndarray:
    """Draw a command as in training; what only its task could draw is :func:`idle`. Shape is (elements,)."""
    if command.kind == "other":
        return idle(command)
    values = np.array([rng.uniform(item.low, item.high) for item in command.elements])
    if command.kind == "pose" and command.euler is not None:
        values[3:] = quat_from_euler(*(rng.uniform(*command.euler[axis]) for axis in ("roll", "pitch", "yaw")))
    if rng.uniform() < command.zero_share and command.kind == "velocity":
        values[:] = 0.0
    return values


class _Velocity:
    """Base of sources that a hand steers: a velocity of forward, left and turn, each from -1 to 1 of its range."""

    def __init__(self, contract: Contract):
        commands = [command for command in contract.commands if command.kind == "velocity"]
        if not commands:
            raise DeployError(
                f"{contract.made_by.task} has no command of a velocity, which is what a hand can steer; use constant, "
                "scripted or random commands."
            )
        self._command = commands[0]
        self._rest = {command.name: idle(command) for command in contract.commands}

    def _steer(self, shares: Sequence[float]) -> Values:
        values = [
            share * (item.high if share > 0.0 else -item.low) for share, item in zip(shares, self._command.elements)
        ]
        return {**self._rest, self._command.name: within(self._command, np.array(values))}


class Keyboard(_Velocity):
    """Keys of the terminal: w and s forward and back, a and d left and right, q and e turn, space stands still,
    x or Escape is the emergency stop. So are the arrow keys, which send Escape first, and the end of the terminal.

    Args:
        contract: The contract.
        step: How much a key adds, as a share of the range.

    Raises:
        DeployError: There is no velocity to steer, or no terminal.
    """

    KEYS = {"w": (0, 1), "s": (0, -1), "a": (1, 1), "d": (1, -1), "q": (2, 1), "e": (2, -1)}

    def __init__(self, contract: Contract, step: float = 0.1):
        super().__init__(contract)
        if not sys.stdin.isatty():
            raise DeployError("The keyboard needs a terminal, and standard input is none; use other commands.")
        import termios
        import tty

        self._step = step
        self._shares = [0.0, 0.0, 0.0]
        self._stopped = False
        self._closed = threading.Event()
        self._termios, self._terminal = termios, sys.stdin.fileno()
        self._before = termios.tcgetattr(self._terminal)
        tty.setcbreak(self._terminal)
        self._thread = threading.Thread(target=self._listen, name="Keyboard", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._closed.is_set():
            if not select.select([self._terminal], [], [], 0.1)[0]:
                continue
            try:
                key = os.read(self._terminal, 1).decode("latin-1")
            except OSError:
                key = ""
            self.press(key)
            if not key:
                return

    def press(self, key: str) -> None:
        """What a key does."""
        if key in ("x", "\x1b", ""):  # the last: the terminal is gone
            self._stopped = True
        elif key == " ":
            self._shares = [0.0, 0.0, 0.0]
        elif key in self.KEYS:
            axis, sign = self.KEYS[key]
            shares = list(self._shares)
            shares[axis] = max(-1.0, min(1.0, shares[axis] + sign * self._step))
            self._shares = shares

    def read(self, time: float) -> Values | None:
        """What is asked for; None once the thread that listens is gone."""
        if self._stopped:
            raise EmergencyStop("key of the emergency stop")
        return self._steer(self._shares) if self._thread.is_alive() else None

    def close(self) -> None:
        """Give the terminal back as it was."""
        self._closed.set()
        self._thread.join()  # else it may take a key that is somebody else's by now
        with contextlib.suppress(self._termios.error):  # a terminal that is gone
            self._termios.tcsetattr(self._terminal, self._termios.TCSADRAIN, self._before)


class Gamepad(_Velocity):
    """A gamepad, by pygame: left stick forward and left, right stick turns, any of the buttons B or Start stops.

    Silent once it is unplugged, so that the rule for lost commands stops the robot.

    Args:
        contract: The contract.
        deadzone: How far a stick must be moved before it counts, of 1.

    Raises:
        DeployError: There is no velocity to steer, no pygame, or no gamepad.
    """

    STOP_BUTTONS = (1, 7)

    def __init__(self, contract: Contract, deadzone: float = 0.1):
        super().__init__(contract)
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        try:
            import pygame
        except ImportError:
            raise DeployError("The gamepad needs pygame; install 'gaitway-deploy[gamepad]'.") from None
        pygame.display.init()  # which events come through; not all of pygame, which would look for loudspeakers too
        pygame.joystick.init()
        if pygame.joystick.get_count() == 0:
            raise DeployError("There is no gamepad; plug one in, or use other commands.")
        self._pygame, self._stick = pygame, pygame.joystick.Joystick(0)
        self._deadzone = deadzone

    def read(self, time: float) -> Values | None:
        """What is asked for; None once the gamepad is gone."""
        for event in self._pygame.event.get():
            if event.type == self._pygame.JOYDEVICEREMOVED:
                self._stick = None
        if self._stick is None:
            return None
        if any(self._stick.get_button(i) for i in self.STOP_BUTTONS if i < self._stick.get_numbuttons()):
            raise EmergencyStop("button of the emergency stop")
        # Sticks count down and to the right; the robot's axes forward and to the left. Where the triggers are axes too,
        # the left one comes before the right stick.
        turn = 3 if self._stick.get_numaxes() > 4 else 2
        return self._steer([-self._axis(1), -self._axis(0), -self._axis(turn)])

    def _axis(self, i: int) -> float:
        value = self._stick.get_axis(i) if i < self._stick.get_numaxes() else 0.0
        return 0.0 if abs(value) < self._deadzone else value

    def close(self) -> None:
        """Let the gamepad go."""
        self._pygame.quit()
