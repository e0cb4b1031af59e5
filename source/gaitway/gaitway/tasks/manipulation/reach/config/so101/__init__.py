"""Reach with the SO-101."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

register_task(
    "Gaitway-Reach-SO101",
    env_cfg=f"{_HERE}.reach_env_cfg:SO101ReachEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents:SO101ReachPPO",
        "skrl_ppo": f"{_HERE}.agents:so101_reach_skrl_ppo",
        "rsl_rl_sac": f"{_HERE}.agents:SO101ReachSAC",
        "skrl_sac": f"{_HERE}.agents:so101_reach_skrl_sac",
    },
    robot="SO-101",
    summary="Bring the tips of the jaws to a commanded position and hold them there.",
    success="The tips are within 2 cm of the goal when the episode ends.",
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=250),
        "rsl_rl_ppo": Scale(num_envs=256, iterations=300),
        "skrl_sac": Scale(num_envs=128, iterations=100),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=500),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=400),
        "skrl_sac": Scale(num_envs=4096, iterations=130),
    },
)
