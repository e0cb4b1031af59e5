"""Joints by name: a robot may report them in any order, and more of them than a policy knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .errors import RobotError


class JointMap:
    """Finds joints in a robot's arrays; looks names up again only when the robot reports them otherwise.

    Args:
        names: The joints sought, in the order in which they are wanted.
    """

    def __init__(self, names: Sequence[str]):
        self.names = tuple(names)
        """The joints sought."""
        self._seen: tuple[str, ...] | None = None
        self._indices = np.empty(0, dtype=np.intp)

    def indices(self, reported: Sequence[str]) -> np.ndarray:
        """Where the joints are in arrays of a robot.

        Args:
            reported: Names of the robot's joints in the order of its arrays.

        Returns:
            Shape is (names,), int. Not to be changed.

        Raises:
            RobotError: A joint is missing, or there twice.
        """
        # A list may have been changed in place: only a tuple can be known by its identity.
        if reported is self._seen or (type(reported) is not tuple and tuple(reported) == self._seen):
            return self._indices
        names = tuple(reported)
        place = {name: i for i, name in enumerate(names)}
        if len(place) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise RobotError(f"The robot reports the joint '{twice}' twice; a driver must report each joint once.")
        missing = [name for name in dict.fromkeys(self.names) if name not in place]
        if missing:
            raise RobotError(
                f"The robot does not report the joint '{missing[0]}' (of {len(missing)} missing); "
                f"it reports {', '.join(names) or 'none'}. Let the driver give the names of the contract."
            )
        self._indices = np.array([place[name] for name in self.names], dtype=np.intp)
        self._seen = names
        return self._indices
