"""Lift with the Franka Panda."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

register_task(
    "Gaitway-Lift-Franka",
    env_cfg=f"{_HERE}.lift_env_cfg:FrankaLiftEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents:FrankaLiftPPO",
        "skrl_ppo": f"{_HERE}.agents:franka_lift_skrl_ppo",
        "rsl_rl_sac": f"{_HERE}.agents:FrankaLiftSAC",
        "skrl_sac": f"{_HERE}.agents:franka_lift_skrl_sac",
    },
    robot="Franka Panda",
    summary="Grasp a cube on the ground, lift it to a commanded position and hold it there.",
    success="The cube is within 5 cm of the goal, which is in the air, when the episode ends.",
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=800),
        "rsl_rl_ppo": Scale(num_envs=512, iterations=1500),
        "skrl_sac": Scale(num_envs=128, iterations=350),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=1500),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=4000),
        "skrl_sac": Scale(num_envs=4096, iterations=1300),
    },
)
