"""Turn a cube in the Allegro hand."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

register_task(
    "Gaitway-Reorient-Allegro",
    env_cfg=f"{_HERE}.reorient_env_cfg:AllegroReorientEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents:AllegroReorientPPO",
        "skrl_ppo": f"{_HERE}.agents:allegro_reorient_skrl_ppo",
        "rsl_rl_sac": f"{_HERE}.agents:AllegroReorientSAC",
        "skrl_sac": f"{_HERE}.agents:allegro_reorient_skrl_sac",
    },
    robot="Allegro hand",
    summary="Turn a cube in the hand to a goal orientation, then to the next, and so on.",
    success="Within 10 s the cube was turned to 3 goals at least, each to 0.2 rad, and it was not dropped.",
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=4000),
        "rsl_rl_ppo": Scale(num_envs=512, iterations=3000),
        "skrl_sac": Scale(num_envs=128, iterations=1300),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=8192, iterations=5000),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=6000),
        "skrl_sac": Scale(num_envs=4096, iterations=2000),
    },
)
