"""Native MuJoCo against MuJoCo-Warp: the same physics, from the same states, under the same actions.

Tolerances are some three times what was measured; MuJoCo-Warp solves contacts in 32 bits and stops earlier.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

NUM_ENVS = 100
TASKS = ("Gaitway-Velocity-Flat-Go2", "Gaitway-Reach-Franka")
ROLLOUT_STEPS = 100


def _one_step_and_on(env) -> SimpleNamespace:
    """Set random states, take one step under random actions and note the state, then go on and note forces."""
    env.reset()
    base = env.unwrapped
    robot, n = base.scene["robot"], base.num_envs
    generator = torch.Generator().manual_seed(0)

    def around(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator) * 2 - 1

    limits = robot.data.joint_pos_limits.torch
    joint_pos = robot.data.default_joint_pos.torch + 0.4 * around(n, robot.num_joints)
    joint_pos = joint_pos.clamp(limits[..., 0] + 0.01, limits[..., 1] - 0.01)
    if not robot.is_fixed_base:
        pose = robot.data.default_root_pose.torch.clone()
        pose[:, :3] += base.scene.env_origins
        pose[:, 2] += 0.1 * around(n)
        quat = torch.cat([0.3 * around(n, 3), torch.ones(n, 1)], dim=1)
        pose[:, 3:] = quat / quat.norm(dim=1, keepdim=True)
        robot.write_root_pose_to_sim_index(root_pose=pose)
        robot.write_root_velocity_to_sim_index(root_velocity=around(n, 6))
    robot.write_joint_position_to_sim_index(position=joint_pos)
    robot.write_joint_velocity_to_sim_index(velocity=2 * around(n, robot.num_joints))

    num_actions = env.action_space.shape[1]
    env.step(around(n, num_actions))
    data = robot.data
    after = {
        name: getattr(data, name).torch.clone()
        for name in ("joint_pos", "joint_vel", "root_pos_w", "root_quat_w", "root_lin_vel_w", "body_pos_w")
    }
    forces = []
    for _ in range(ROLLOUT_STEPS):
        env.step(0.3 * around(n, num_actions))
        if "contact_forces" in base.scene.sensors:
            forces.append(base.scene["contact_forces"].data.net_forces_w.torch[..., 2].sum(dim=1).clone())
    weight = 9.81 * data.body_mass.torch.sum(dim=1)[0].item()
    return SimpleNamespace(after=after, forces=torch.stack(forces) if forces else None, weight=weight)


@pytest.fixture(scope="module", params=TASKS)
def both(request, open_env, only_physics):
    """The same done by both engines."""
    results = []
    for engine in ("mujoco_cpu", "newton_mjwarp"):
        with open_env(request.param, engine, NUM_ENVS, only_physics) as env:
            results.append(_one_step_and_on(env))
    return SimpleNamespace(native=results[0], warp=results[1])


@pytest.mark.parametrize(
    ("name", "mean", "most"),
    [
        ("joint_pos", 1e-4, 5e-3),
        ("joint_vel", 3e-3, 2e-1),
        ("root_pos_w", 1e-5, 5e-4),
        ("root_quat_w", 1e-4, 5e-3),
        ("root_lin_vel_w", 2e-3, 5e-2),
        ("body_pos_w", 3e-5, 2e-3),
    ],
)
def test_an_env_step_leads_to_the_same_state(both, name, mean, most):
    difference = (both.native.after[name] - both.warp.after[name]).abs()
    assert difference.mean() < mean
    assert difference.max() < most
    # The step was no standstill.
    assert both.native.after["joint_vel"].abs().mean() > 0.1


def test_contact_forces_are_distributed_alike(both):
    if both.native.forces is None:
        pytest.skip("the robot touches nothing")
    native, warp = both.native.forces.flatten(), both.warp.forces.flatten()
    assert native.mean() == pytest.approx(warp.mean().item(), rel=0.01)
    assert native.std() == pytest.approx(warp.std().item(), rel=0.03)
    quantiles = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])
    torch.testing.assert_close(torch.quantile(native, quantiles), torch.quantile(warp, quantiles), rtol=0.03, atol=1.0)
    # Nobody sinks, nobody takes off: over two seconds the ground carries the weight.
    assert both.native.forces[-50:].mean() == pytest.approx(both.native.weight, rel=0.01)
