"""What the tests of the engine share."""

from __future__ import annotations

from typing import Any

import pytest


def _only_physics(cfg: Any) -> None:
    """Leave an environment without randomisation, delays, resets and judges."""
    for group in (cfg.terminations, cfg.events, cfg.curriculum):
        for name in [name for name in vars(group) if not name.startswith("_")]:
            setattr(group, name, None)
    for action in vars(cfg.actions).values():
        if hasattr(action, "delay"):
            action.delay = (0.0, 0.0)


@pytest.fixture(scope="session")
def only_physics():
    """Give a function that strips an environment's config of all that acts on it but the policy."""
    return _only_physics
