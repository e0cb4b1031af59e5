"""Reach with the UR10."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

register_task(
    "Gaitway-Reach-Position-UR10",
    env_cfg=f"{_HERE}.reach_env_cfg:UR10ReachPositionEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents:UR10ReachPositionPPO",
        "skrl_ppo": f"{_HERE}.agents:ur10_reach_position_skrl_ppo",
        "rsl_rl_sac": f"{_HERE}.agents:UR10ReachPositionSAC",
        "skrl_sac": f"{_HERE}.agents:ur10_reach_skrl_sac",
    },
    robot="Universal Robots UR10",
    summary="Bring the last link to a commanded position and hold it there.",
    success="The last link is within 5 cm of the goal when the episode ends.",
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=200),
        "rsl_rl_ppo": Scale(num_envs=256, iterations=250),
        "skrl_sac": Scale(num_envs=128, iterations=100),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=250),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=400),
        "skrl_sac": Scale(num_envs=4096, iterations=130),
    },
)

register_task(
    "Gaitway-Reach-UR10",
    env_cfg=f"{_HERE}.reach_env_cfg:UR10ReachEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents:UR10ReachPPO",
        "skrl_ppo": f"{_HERE}.agents:ur10_reach_skrl_ppo",
        "rsl_rl_sac": f"{_HERE}.agents:UR10ReachSAC",
        "skrl_sac": f"{_HERE}.agents:ur10_reach_skrl_sac",
    },
    robot="Universal Robots UR10",
    summary="Bring the last link to a commanded pose and hold it there.",
    success="The last link is within 5 cm and 0.2 rad of the goal when the episode ends.",
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
