"""Stand up with the Unitree Go2."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

register_task(
    "Gaitway-StandUp-Go2",
    env_cfg=f"{_HERE}.stand_up_env_cfg:Go2StandUpEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents:Go2StandUpPPO",
        "skrl_ppo": f"{_HERE}.agents:go2_stand_up_skrl_ppo",
        "rsl_rl_sac": f"{_HERE}.agents:Go2StandUpSAC",
        "skrl_sac": f"{_HERE}.agents:go2_stand_up_skrl_sac",
    },
    robot="Unitree Go2",
    summary="Get up from wherever and however it was dropped, and stand still.",
    success="At the end it stands within 6 cm of its height, 15° of upright and 0.5 rad of its default pose, "
    "below 0.2 m/s and 0.5 rad/s.",
    threshold=0.9,
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=450),
        "rsl_rl_ppo": Scale(num_envs=512, iterations=800),
        "skrl_sac": Scale(num_envs=128, iterations=150),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=600),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=2000),
        "skrl_sac": Scale(num_envs=4096, iterations=660),
    },
)
