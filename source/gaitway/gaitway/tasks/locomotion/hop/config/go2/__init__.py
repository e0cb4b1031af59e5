"""Hop with the Unitree Go2."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

register_task(
    "Gaitway-Hop-Go2",
    env_cfg=f"{_HERE}.hop_env_cfg:Go2HopEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents:Go2HopPPO",
        "skrl_ppo": f"{_HERE}.agents:go2_hop_skrl_ppo",
        "rsl_rl_sac": f"{_HERE}.agents:Go2HopSAC",
        "skrl_sac": f"{_HERE}.agents:go2_hop_skrl_sac",
    },
    robot="Unitree Go2",
    summary="Hop on the spot on commanded feet (all, a diagonal, those at the front or behind), the others held up.",
    success=(
        "No fall, a hop a second or more on all commanded feet at once, another foot down for at most 15 %, "
        "never further than half a metre from where it began."
    ),
    threshold=0.9,
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=6000),
        "rsl_rl_ppo": Scale(num_envs=512, iterations=3000),
        "skrl_sac": Scale(num_envs=128, iterations=2000),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=1500),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=4000),
        "skrl_sac": Scale(num_envs=4096, iterations=1500),
    },
)
