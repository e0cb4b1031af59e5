"""Reach with the Franka Panda."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

register_task(
    "Gaitway-Reach-Position-Franka",
    env_cfg=f"{_HERE}.reach_env_cfg:FrankaReachPositionEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents.rsl_rl_ppo_cfg:FrankaReachPositionPPORunnerCfg",
        "skrl_ppo": f"{_HERE}.agents.skrl_ppo_cfg:franka_reach_position",
        "rsl_rl_sac": f"{_HERE}.agents.rsl_rl_sac_cfg:FrankaReachPositionSACRunnerCfg",
        "skrl_sac": f"{_HERE}.agents.skrl_sac_cfg:franka_reach",
    },
    robot="Franka Panda",
    summary="Bring the hand to a commanded position and hold it there.",
    success="The hand is within 5 cm of the goal when the episode ends.",
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=100),
        "rsl_rl_ppo": Scale(num_envs=256, iterations=150),
        "skrl_sac": Scale(num_envs=128, iterations=60),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=150),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=400),
        "skrl_sac": Scale(num_envs=4096, iterations=130),
    },
)

register_task(
    "Gaitway-Reach-Franka",
    env_cfg=f"{_HERE}.reach_env_cfg:FrankaReachEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents.rsl_rl_ppo_cfg:FrankaReachPPORunnerCfg",
        "skrl_ppo": f"{_HERE}.agents.skrl_ppo_cfg:franka_reach",
        "rsl_rl_sac": f"{_HERE}.agents.rsl_rl_sac_cfg:FrankaReachSACRunnerCfg",
        "skrl_sac": f"{_HERE}.agents.skrl_sac_cfg:franka_reach",
    },
    robot="Franka Panda",
    summary="Bring the hand to a commanded pose and hold it there.",
    success="The hand is within 5 cm and 0.2 rad of the goal when the episode ends.",
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=300),
        "rsl_rl_ppo": Scale(num_envs=256, iterations=500),
        "skrl_sac": Scale(num_envs=128, iterations=170),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=1000),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=1500),
        "skrl_sac": Scale(num_envs=4096, iterations=500),
    },
)
