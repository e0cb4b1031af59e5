"""Velocity with ANYmal C."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

register_task(
    "Gaitway-Velocity-Flat-AnymalC",
    env_cfg=f"{_HERE}.flat_env_cfg:AnymalCFlatEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents:AnymalCFlatPPO",
        "skrl_ppo": f"{_HERE}.agents:anymal_c_flat_skrl_ppo",
        "rsl_rl_sac": f"{_HERE}.agents:AnymalCFlatSAC",
        "skrl_sac": f"{_HERE}.agents:anymal_c_flat_skrl_sac",
    },
    robot="ANYbotics ANYmal C",
    summary="Walk on flat ground as a command of planar velocity and yaw rate says.",
    success="No fall, and errors of at most 0.25 m/s and 0.25 rad/s on average over the episode.",
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=3000),
        "rsl_rl_ppo": Scale(num_envs=512, iterations=400),
        "skrl_sac": Scale(num_envs=128, iterations=330),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=300),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=1500),
        "skrl_sac": Scale(num_envs=4096, iterations=500),
    },
)

register_task(
    "Gaitway-Velocity-Rough-AnymalC",
    env_cfg=f"{_HERE}.rough_env_cfg:AnymalCRoughEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents:AnymalCRoughPPO",
        "skrl_ppo": f"{_HERE}.agents:anymal_c_rough_skrl_ppo",
        "rsl_rl_sac": f"{_HERE}.agents:AnymalCRoughSAC",
        "skrl_sac": f"{_HERE}.agents:anymal_c_rough_skrl_sac",
    },
    robot="ANYbotics ANYmal C",
    summary="Walk over slopes, stairs, obstacles and rubble as a command of planar velocity and yaw rate says.",
    success="No fall, and errors of at most 0.25 m/s and 0.25 rad/s on average over the episode.",
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=6000),
        "rsl_rl_ppo": Scale(num_envs=256, iterations=3000),
        "skrl_sac": Scale(num_envs=128, iterations=2000),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=1500),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=4000),
        "skrl_sac": Scale(num_envs=4096, iterations=1300),
    },
)
