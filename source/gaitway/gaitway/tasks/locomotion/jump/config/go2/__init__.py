"""Jump with the Unitree Go2."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

register_task(
    "Gaitway-Jump-Go2",
    env_cfg=f"{_HERE}.jump_env_cfg:Go2JumpEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents:Go2JumpPPO",
        "skrl_ppo": f"{_HERE}.agents:go2_jump_skrl_ppo",
        "rsl_rl_sac": f"{_HERE}.agents:Go2JumpSAC",
        "skrl_sac": f"{_HERE}.agents:go2_jump_skrl_sac",
    },
    robot="Unitree Go2",
    summary="Jump onto a box of 20 cm, or off it, land at a commanded distance and stand still.",
    success="At the end it stands still within 15 cm of the place, and it flew across the edge for 0.1 s or more.",
    threshold=0.9,
    cpu={
        "rsl_rl_ppo": Scale(num_envs=512, iterations=1600),
        "rsl_rl_sac": Scale(num_envs=128, iterations=6000),
        "skrl_sac": Scale(num_envs=128, iterations=2000),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=1500),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=4000),
        "skrl_sac": Scale(num_envs=4096, iterations=1500),
    },
)
