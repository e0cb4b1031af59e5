"""Velocity with the Unitree Go2."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

register_task(
    "Gaitway-Velocity-Flat-Go2",
    env_cfg=f"{_HERE}.flat_env_cfg:Go2FlatEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents.rsl_rl_ppo_cfg:Go2FlatPPORunnerCfg",
        "skrl_ppo": f"{_HERE}.agents.skrl_ppo_cfg:go2_flat",
        "rsl_rl_sac": f"{_HERE}.agents.rsl_rl_sac_cfg:Go2FlatSACRunnerCfg",
        "skrl_sac": f"{_HERE}.agents.skrl_sac_cfg:go2_flat",
    },
    robot="Unitree Go2",
    summary="Walk on flat ground as a command of planar velocity and yaw rate says.",
    success="No fall, and errors of at most 0.25 m/s and 0.25 rad/s on average over the episode.",
    cpu={
        "rsl_rl_sac": Scale(num_envs=128, iterations=1000),
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
    "Gaitway-Velocity-Rough-Go2",
    env_cfg=f"{_HERE}.rough_env_cfg:Go2RoughEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents.rsl_rl_ppo_cfg:Go2RoughPPORunnerCfg",
        "skrl_ppo": f"{_HERE}.agents.skrl_ppo_cfg:go2_rough",
        "rsl_rl_sac": f"{_HERE}.agents.rsl_rl_sac_cfg:Go2RoughSACRunnerCfg",
        "skrl_sac": f"{_HERE}.agents.skrl_sac_cfg:go2_rough",
    },
    robot="Unitree Go2",
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

register_task(
    "Gaitway-Velocity-Student-Go2",
    env_cfg=f"{_HERE}.student_env_cfg:Go2StudentEnvCfg",
    recipes={
        "rsl_rl_ppo": f"{_HERE}.agents.rsl_rl_ppo_cfg:Go2TeacherPPORunnerCfg",
        "rsl_rl_sac": f"{_HERE}.agents.rsl_rl_sac_cfg:Go2TeacherSACRunnerCfg",
        "rsl_rl_distillation": f"{_HERE}.agents.rsl_rl_distillation_cfg:Go2StudentDistillationRunnerCfg",
    },
    robot="Unitree Go2",
    summary="Walk on flat ground as commanded: PPO and SAC train a teacher, who sees all that a simulator knows; "
    "distillation trains a student of it, who sees what the robot measures, and remembers.",
    success="No fall, and errors of at most 0.25 m/s and 0.25 rad/s on average over the episode.",
    cpu={
        "rsl_rl_ppo": Scale(num_envs=512, iterations=400),
        "rsl_rl_sac": Scale(num_envs=128, iterations=1000),
        "rsl_rl_distillation": Scale(num_envs=256, iterations=200),
    },
    cuda={
        "rsl_rl_ppo": Scale(num_envs=4096, iterations=300),
        "rsl_rl_sac": Scale(num_envs=4096, iterations=1500),
        "rsl_rl_distillation": Scale(num_envs=4096, iterations=200),
    },
)
