"""Tasks on the native MuJoCo engine: broken environments, motor models."""

from __future__ import annotations

import torch
from isaaclab.actuators import DCMotorCfg, DelayedPDActuatorCfg

TASK = "Gaitway-Velocity-Flat-Go2"
NUM_ENVS = 4
ODD = 2


def test_a_task_begins_a_broken_environment_anew(open_env, tmp_path):
    def edit(cfg):
        cfg.sim.physics.solver_cfg.record_folder = str(tmp_path)

    with open_env(TASK, "mujoco_cpu", NUM_ENVS, edit) as env:
        env.reset()
        for _ in range(3):
            env.step(torch.zeros(env.action_space.shape))
        action = torch.zeros(env.action_space.shape)
        action[ODD] = float("nan")
        obs, _, terminated, _, extras = env.step(action)
        assert terminated.tolist() == [i == ODD for i in range(NUM_ENVS)]
        assert extras["log"]["Episode_Termination/physics_broken"] > 0
        assert torch.isfinite(obs["policy"]).all()
        assert env.unwrapped.episode_length_buf[ODD] == 0
        assert not env.unwrapped.sim.physics_manager.broken_envs().any()


def test_motor_models_mean_the_same_as_on_newton(open_env, only_physics):
    """DC motors in front, delayed motors behind: joints go the same way as on MuJoCo-Warp, step by step."""

    def edit(cfg):
        only_physics(cfg)
        common = dict(stiffness=25.0, damping=0.5, armature=0.005, effort_limit=20.0, velocity_limit=30.0)
        cfg.scene.robot.actuators = {
            "front": DCMotorCfg(joint_names_expr=["F.*"], saturation_effort=20.0, **common),
            "rear": DelayedPDActuatorCfg(joint_names_expr=["R.*"], min_delay=3, max_delay=3, **common),
        }
        cfg.scene.robot.init_state.pos = (0.0, 0.0, 1.0)

    tracks = []
    for engine in ("mujoco_cpu", "newton_mjwarp"):
        with open_env(TASK, engine, NUM_ENVS, edit) as env:
            env.reset()
            track = []
            generator = torch.Generator().manual_seed(0)
            for _ in range(10):
                env.step(torch.rand(env.action_space.shape, generator=generator) * 2 - 1)
                data = env.unwrapped.scene["robot"].data
                track.append(torch.cat([data.joint_pos.torch, 0.1 * data.joint_vel.torch], dim=1).clone())
            tracks.append(torch.stack(track))
    torch.testing.assert_close(*tracks, atol=2e-3, rtol=0.0)
    assert tracks[0].std(dim=0).mean() > 0.05
