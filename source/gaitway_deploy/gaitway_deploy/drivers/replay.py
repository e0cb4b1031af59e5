"""A robot that says what another one said: a flight recording, or the episode of a bundle."""

from __future__ import annotations

from typing import Any

from ..bundle import Bundle
from ..errors import EndOfData, RobotError
from ..recorder import PathLike, read_recording
from ..state import JointCommand, RobotState


class ReplayClock:
    """The time of a recording, which passes as fast as one waits."""

    def __init__(self, time: float):
        self._time = time

    def now(self) -> float:
        """Unit: s."""
        return self._time

    def sleep_until(self, time: float) -> None:
        """Let it be ``time``."""
        self._time = max(self._time, time)


class ReplayRobot:
    """Plays a recording back, however the motors are told to move.

    Args:
        source: A flight recording, or a bundle, whose recorded episode is played.

    Raises:
        RobotError: There is nothing in it.
        DeployError: It cannot be read.
    """

    def __init__(self, source: Bundle | PathLike):
        self._log: Any = source.episode() if isinstance(source, Bundle) else read_recording(source)
        if len(self._log) == 0:
            raise RobotError(f"{source}: there is nothing in this recording.")
        self._times = self._log.time.tolist()
        self.clock = ReplayClock(self._times[0])
        self.row = 0
        """Row of the recording that was read last."""
        self.commands: list[JointCommand] = []
        """What the motors were told, to be compared with what they were told then."""

    def read(self) -> RobotState:
        """What the robot said at this time.

        Raises:
            EndOfData: The recording has ended.
        """
        now = self.clock.now() + 1e-6
        while self.row + 1 < len(self._times) and self._times[self.row + 1] <= now:
            self.row += 1
        last_step = self._times[-1] - self._times[-2] if len(self._times) > 1 else 0.0
        if now > self._times[-1] + 0.5 * last_step:
            raise EndOfData("The recording has ended.")
        return self._log.state(self.row)

    def write(self, command: JointCommand) -> None:
        """Keep what the motors are told."""
        self.commands.append(command)
