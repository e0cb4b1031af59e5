"""Robots that the runtime can drive."""

from __future__ import annotations

import importlib
from typing import Any

from ..bundle import Bundle
from ..errors import DeployError
from ..state import Robot


def make_robot(
    path: str, name: str, robot_options: dict[str, Any], recording: str | None, bundle: Bundle | None = None
) -> Robot:
    """Make a driver by name.

    Args:
        path: The bundle's.
        name: ``mujoco``, ``replay``, or ``package.module:Class``, which is called with the bundle and the options.
        robot_options: Keyword arguments for it.
        recording: What ``replay`` plays; None for the bundle's episode.
        bundle: The bundle, if it is open already.

    Raises:
        DeployError: There is no such driver, or it does not take the options.
    """
    bundle = bundle or Bundle.open(path)
    if name == "replay":
        from .replay import ReplayRobot

        return ReplayRobot(recording or bundle)
    if name == "mujoco":
        try:
            from .mujoco import MujocoRobot as driver
        except ImportError as error:
            raise DeployError(f"--robot mujoco: {error}; install 'gaitway-deploy[mujoco]'.") from None
    else:
        module, colon, attribute = name.partition(":")
        if not colon:
            raise DeployError(f"--robot {name}: there are mujoco, replay, and package.module:Class.")
        try:
            driver = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise DeployError(f"--robot {name}: cannot be imported ({error}).") from None
    try:
        return driver(bundle, **robot_options)
    except TypeError as error:
        raise DeployError(f"--robot {name}: does not take these options ({error}).") from None
