"""Drawer with the Franka Panda."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

register_task(
    "Gaitway-Drawer-Franka",
    env_cfg=f"{_HERE}.drawer_env_cfg:FrankaDrawerEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents:FrankaDrawerPPO",
        "skrl_ppo": f"{_HERE}.agents:franka_drawer_skrl_ppo",
        "rsl_rl_sac": f"{_HERE}.agents:FrankaDrawerSAC",
        "skrl_sac": f"{_HERE}.agents:franka_drawer_skrl_sac",
    },
    robot="Franka Panda",
    summary="Grasp the handle of a cabinet's upper drawer and pull the drawer open.",
    success="The drawer, which opens by 25 cm, is open by at least 20 cm when the episode ends.",
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=500),
        "rsl_rl_ppo": Scale(num_envs=512, iterations=1500),
        "skrl_sac": Scale(num_envs=128, iterations=1300),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=1500),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=2000),
        "skrl_sac": Scale(num_envs=4096, iterations=1300),
    },
)
