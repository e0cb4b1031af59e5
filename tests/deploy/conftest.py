"""Sample bundles, made once a session. Copy one before you change it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from . import sample


@pytest.fixture(scope="session")
def go2_bundle(tmp_path_factory) -> Path:
    """Folder of a bundle of a Go2 with a random network of 2 x 64. Not to be changed."""
    return sample.make_go2_bundle(tmp_path_factory.mktemp("bundle") / "go2")


@pytest.fixture(scope="session")
def franka_bundle(tmp_path_factory) -> Path:
    """Folder of a bundle of a Panda with a gripper and a random network of 2 x 64. Not to be changed."""
    return sample.make_franka_bundle(tmp_path_factory.mktemp("bundle") / "franka")


@pytest.fixture(scope="session")
def make_go2_bundle() -> Callable[..., Path]:
    """``sample.make_go2_bundle``, for bundles with history, with a memory, or with the base's velocity."""
    return sample.make_go2_bundle


@pytest.fixture(scope="session")
def make_franka_bundle() -> Callable[..., Path]:
    """``sample.make_franka_bundle``."""
    return sample.make_franka_bundle
