"""The velocity command and its errors over an episode."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gaitway import mdp


@pytest.fixture
def command(fake_env, env_cfgs: dict[str, Any]) -> mdp.VelocityCommand:
    """Go2's command for two robots that stand still; the first is to walk, the second to turn."""
    env = fake_env(
        root_lin_vel_b=torch.zeros(2, 3),
        root_ang_vel_b=torch.zeros(2, 3),
        heading_w=torch.zeros(2),
    )
    # The term fills in its config.
    cfg = copy.deepcopy(env_cfgs["Gaitway-Velocity-Flat-Go2"].commands.base_velocity)
    term = mdp.VelocityCommand(cfg, env)
    term.vel_command_b[:] = torch.tensor([[0.3, 0.4, 0.0], [0.0, 0.0, -0.6]])
    return term


def move(command: mdp.VelocityCommand, linear: list[list[float]], angular: list[list[float]]) -> None:
    """Let a step end with these velocities of the two bases."""
    data: SimpleNamespace = command.robot.data
    data.root_lin_vel_b.torch[:] = torch.tensor(linear)
    data.root_ang_vel_b.torch[:] = torch.tensor(angular)
    command._update_metrics()


def test_errors_are_averaged_over_the_episode(command: mdp.VelocityCommand) -> None:
    still = [[0.0, 0.0, 0.0]] * 2
    move(command, still, still)
    # As told, and z of the one and x and y of the other do not matter.
    move(command, [[0.3, 0.4, 2.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [5.0, 5.0, -0.6]])
    move(command, [[0.3, -0.6, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.3]])
    xy, yaw = command.mean_errors()
    # (0.5 + 0 + 1.0) / 3 and (0.6 + 0 + 0.9) / 3
    torch.testing.assert_close(xy, torch.tensor([0.5, 0.0]))
    torch.testing.assert_close(yaw, torch.tensor([0.0, 0.5]))


def test_there_are_no_errors_before_the_first_step(command: mdp.VelocityCommand) -> None:
    assert [error.tolist() for error in command.mean_errors()] == [[0.0, 0.0], [0.0, 0.0]]


def test_errors_begin_anew_with_each_environments_episode(command: mdp.VelocityCommand) -> None:
    still = [[0.0, 0.0, 0.0]] * 2
    move(command, still, still)
    command.reset(torch.tensor([0]))
    xy, yaw = command.mean_errors()
    torch.testing.assert_close(xy, torch.tensor([0.0, 0.0]))
    torch.testing.assert_close(yaw, torch.tensor([0.0, 0.6]))


def test_the_tasks_verdict_stays_in_the_log(command: mdp.VelocityCommand) -> None:
    command._env.extras["log"] = {"Metrics/success_rate": 0.125}
    log = command.reset(torch.tensor([0, 1]))
    assert command._env.extras["log"]["Metrics/success_rate"] == 0.125
    assert set(log) == {"error_vel_xy", "error_vel_yaw"}


def test_reading_errors_never_waits_for_the_device(command: mdp.VelocityCommand) -> None:
    for name in ("_error_xy_sum", "_error_yaw_sum", "_step_count"):
        setattr(command, name, getattr(command, name).to("meta"))
    assert [error.device.type for error in command.mean_errors()] == ["meta", "meta"]
