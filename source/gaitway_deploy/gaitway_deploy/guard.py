"""A process between the policy and the motors, which stops the robot when the policy's process no longer can.

A loop that has crashed, hangs, or was killed cannot damp its robot. So the driver lives in another process, the guard:
the policy reads and writes through it, and when it has not written for two control periods, or its process is gone, the
guard writes damping itself, says so in its log, and obeys no more.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import multiprocessing
import os
import signal
import time as _time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .actions import ActionDecoder
from .contract import Contract
from .errors import DeployError, EndOfData, RobotError
from .state import JointCommand, Robot, RobotState, WallClock

PERIODS = 2.0
"""Control periods without a command after which the guard stops the robot."""
LINGER_S = 5.0
"""How long a guard whose policy is gone damps the robot before it ends. Unit: s."""
START_S = 60.0
"""How long a driver may take to come up. Unit: s."""
ANSWER_S = 1.0
"""How long a driver may take to be read. Unit: s."""


class _GuardClock:
    """The driver's time, told by this computer's clock: asking the guard would take longer."""

    def __init__(self, offset: float):
        self._offset = offset
        self._wall = WallClock()

    def now(self) -> float:
        """Unit: s."""
        return self._wall.now() + self._offset

    def sleep_until(self, time: float) -> None:
        """Return when it is ``time``."""
        self._wall.sleep_until(time - self._offset)


class GuardedRobot:
    """A robot behind a guard; a driver like any other.

    Args:
        make: Makes the driver, in the guard's process; a function of a module, or :func:`functools.partial` of one. Its
            time must be that of the real world. The guard's process imports the script that runs, which must therefore
            keep what it does under ``if __name__ == "__main__":``.
        contract: The contract of the policy.
        log: File to which the guard adds a line of JSON for each thing it does.
        periods: Control periods without a command after which it stops the robot.

    Raises:
        RobotError: The driver does not come up, or the log cannot be written.
    """

    def __init__(
        self,
        make: Callable[[], Robot],
        contract: Contract,
        log: str | os.PathLike[str],
        periods: float = PERIODS,
    ):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        # Not a daemon: it must outlive this process to stop the robot.
        self.process = context.Process(
            target=_guard, args=(theirs, make, dict(contract.raw), os.fspath(log), periods), name="guard"
        )
        self.process.start()
        theirs.close()
        atexit.register(self.close)  # Python waits for the process when it ends, and that for a goodbye
        try:
            self.clock = _GuardClock(self._answer(START_S))
        except BaseException:
            self.process.kill()
            atexit.unregister(self.close)
            raise

    def read(self) -> RobotState:
        """The newest state.

        Raises:
            RobotError: The guard has stopped the robot, or the driver failed.
        """
        try:
            self._pipe.send("read")
        except OSError:
            raise RobotError("The guard is gone.") from None
        return self._answer(ANSWER_S)

    def write(self, command: JointCommand) -> None:
        """Tell the motors."""
        with contextlib.suppress(OSError):  # the next reading says it
            self._pipe.send(command)

    def close(self) -> None:
        """End the guard, which tells the robot to damp before it goes."""
        atexit.unregister(self.close)
        with contextlib.suppress(OSError):
            self._pipe.send("close")
        self.process.join(ANSWER_S + LINGER_S)
        if self.process.is_alive():  # a driver that hangs
            self.process.kill()
        self._pipe.close()

    def _answer(self, seconds: float) -> Any:
        try:
            if not self._pipe.poll(seconds):
                raise RobotError(f"The driver has not answered for {seconds:g} s.")
            answer = self._pipe.recv()
        except (EOFError, OSError):
            raise RobotError("The guard is gone.") from None
        if isinstance(answer, DeployError):
            raise answer
        return answer


def _guard(pipe: Connection, make: Callable[[], Robot], contract: dict[str, Any], log: str, periods: float) -> None:
    """The guard's process."""
    # These reach all processes of a terminal or a service at once. What is to be done about them the policy's process
    # says, and if it says nothing more, that is what the guard is for.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    parsed = Contract.from_dict(contract)
    try:
        with Path(log).open("a", encoding="utf-8"):
            pass
        robot = make()
        clock = getattr(robot, "clock", None) or WallClock()
        robot.read()  # a driver may begin to count time when it is first read
        # The computer's clock is the same in both processes.
        pipe.send(clock.now() - WallClock.now())
    except Exception as error:
        with contextlib.suppress(OSError):
            pipe.send(RobotError(f"The driver does not come up: {type(error).__name__}: {error}"))
        return
    try:
        _Guard(pipe, robot, clock, parsed, Path(log), periods * parsed.control_dt).serve()
    finally:
        if hasattr(robot, "close"):
            robot.close()


class _Guard:
    """What the guard's process does once the driver is up."""

    def __init__(self, pipe: Connection, robot: Robot, clock: Any, contract: Contract, log: Path, patience: float):
        self._pipe, self._robot, self._clock, self._log = pipe, robot, clock, log
        self._patience, self._period = patience, contract.control_dt
        self._damping = ActionDecoder(contract).damping()
        self._written: float | None = None
        self._cause: str | None = None

    def serve(self) -> None:
        """Read and write for the policy until it says goodbye, or is gone."""
        while True:
            try:
                word = self._pipe.recv() if self._pipe.poll(self._wait()) else None
            except (EOFError, OSError):
                break
            if isinstance(word, str) and word == "close":
                self._damp()
                return
            if word is not None:
                self._obey(word)
            if self._cause is None and self._written is not None:
                silent = _time.monotonic() - self._written
                if silent >= self._patience:
                    self._stop(f"no command for {1e3 * silent:.0f} ms")
            if self._cause is not None:
                self._damp()
        if self._cause is None:
            self._stop("the policy's process is gone")
        until = _time.monotonic() + LINGER_S
        while _time.monotonic() < until:
            self._damp()
            _time.sleep(self._period)

    def _wait(self) -> float:
        """How long nothing need be said. Unit: s."""
        if self._written is None:
            return 1.0
        if self._cause is not None:
            return self._period
        return max(0.0, self._written + self._patience - _time.monotonic())

    def _obey(self, word: Any) -> None:
        if isinstance(word, JointCommand):
            if self._cause is None:
                # After damping, silence is what one wants.
                self._written = None if word.mode == "damping" else _time.monotonic()
                try:
                    self._robot.write(word)
                except Exception as error:
                    self._stop(f"the driver cannot write: {type(error).__name__}: {error}")
        elif self._cause is not None:
            self._send(RobotError(f"The guard has stopped the robot: {self._cause}."))
        else:
            self._read()

    def _read(self) -> None:
        try:
            answer: Any = self._robot.read()
        except EndOfData as error:
            answer = error
        except Exception as error:
            self._stop(f"the driver cannot read: {type(error).__name__}: {error}")
            answer = RobotError(f"The guard has stopped the robot: {self._cause}.")
        self._send(answer)

    def _send(self, answer: Any) -> None:
        with contextlib.suppress(OSError):  # that the policy is gone is seen when it is next listened to
            self._pipe.send(answer)

    def _damp(self) -> None:
        with contextlib.suppress(Exception):  # a driver that fails now may not do so the next time
            self._robot.write(self._damping)

    def _stop(self, cause: str) -> None:
        """Damp, from now on and for good."""
        self._cause = cause
        silent = 0.0 if self._written is None else _time.monotonic() - self._written
        self._damp()
        line = {
            "time": self._clock.now(),
            "cause": cause,
            "silent_s": silent,
            "damping_after_periods": silent / self._period,
        }
        with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
