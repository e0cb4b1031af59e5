"""Configs of the ``-Play`` variants, each made from that of its task.

Isaac Lab wants a config named as ``module:attribute``: the attributes of this module are the ids of all tasks.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any

import gymnasium as gym


def __getattr__(task_id: str) -> Callable[[], Any]:
    """What makes the config of a task for playing and judging: no noise, no randomisation, fewer environments."""
    if task_id not in gym.registry:
        raise AttributeError(f"There is no task '{task_id}' to play.")

    def play_env_cfg() -> Any:
        env_cfg = pkgutil.resolve_name(gym.spec(task_id).kwargs["env_cfg_entry_point"])()
        env_cfg.play_mode()
        return env_cfg

    return play_env_cfg
