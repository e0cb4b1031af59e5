"""Sample bundles and traces made by hand."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gaitway.transfer.traces import Traces

SAMPLE = Path(__file__).resolve().parents[1] / "deploy" / "sample.py"


def _sample() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bundle_sample", SAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def go2_path(tmp_path_factory) -> Path:
    """A bundle of a Go2 whose network knows nothing."""
    return Path(_sample().make_go2_bundle(tmp_path_factory.mktemp("go2") / "bundle"))


@pytest.fixture(scope="session")
def franka_path(tmp_path_factory) -> Path:
    """A bundle of a Franka whose network knows nothing."""
    return Path(_sample().make_franka_bundle(tmp_path_factory.mktemp("franka") / "bundle"))


@pytest.fixture(scope="session")
def go2(go2_path) -> Any:
    """The Go2's bundle, opened."""
    from gaitway_deploy.bundle import Bundle

    return Bundle.open(go2_path)


@pytest.fixture(scope="session")
def franka(franka_path) -> Any:
    """The Franka's bundle, opened."""
    from gaitway_deploy.bundle import Bundle

    return Bundle.open(franka_path)


@pytest.fixture(scope="session")
def make_traces() -> Callable[..., Traces]:
    """Give ``make_traces(contract, episodes, steps)``: robots that stand still at the default pose, as asked."""

    def make(contract: Any, episodes: int, steps: int) -> Traces:
        commands = {item.name: np.zeros((episodes, steps, item.width)) for item in contract.commands}
        traces = Traces.empty(
            "newton",
            control_dt=contract.control_dt,
            joints=len(contract.joint_names),
            observations=contract.obs_width,
            commands=commands,
        )
        traces.steps[:] = steps
        traces.joint_pos[:] = contract.default_pos
        traces.targets[:] = contract.default_pos
        for name in ("joint_vel", "base_pos", "ang_vel", "lin_vel", "lin_vel_com", "body_pos", "contact", "obs"):
            getattr(traces, name)[:] = 0.0
        for name in ("quat", "body_quat"):
            getattr(traces, name)[:] = (0.0, 0.0, 0.0, 1.0)
        for item in contract.commands:
            if item.kind == "pose":
                traces.commands[item.name][..., 6] = 1.0
        return traces

    return make
