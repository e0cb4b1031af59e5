"""Insert with the Franka Panda: two clearances, and a dense or a sparse reward for each."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__

for _name, _cfg, _clearance, _learns_from in (
    ("Insert", "FrankaInsertEnvCfg", "1 mm", "a dense reward"),
    ("Insert-Sparse", "FrankaInsertSparseEnvCfg", "1 mm", "success alone"),
    ("Insert-Tight", "FrankaInsertTightEnvCfg", "0.2 mm", "a dense reward"),
    ("Insert-Tight-Sparse", "FrankaInsertTightSparseEnvCfg", "0.2 mm", "success alone"),
):
    register_task(
        f"Gaitway-{_name}-Franka",
        env_cfg=f"{_HERE}.insert_env_cfg:{_cfg}",
        recipes={
            "rsl_rl_ppo": f"{_HERE}.agents:FrankaInsertPPO",
            "skrl_ppo": f"{_HERE}.agents:franka_insert_skrl_ppo",
            "rsl_rl_sac": f"{_HERE}.agents:FrankaInsertSAC",
            "skrl_sac": f"{_HERE}.agents:franka_insert_skrl_sac",
        },
        robot="Franka Panda",
        summary=f"Put a square peg into a hole that is {_clearance} wider, learning from {_learns_from}.",
        success="The peg is at least 25 mm deep in the hole, which is 30 mm deep, when the episode ends.",
        cpu={
            "rsl_rl_sac": Scale(num_envs=128, iterations=700),
            "rsl_rl_ppo": Scale(num_envs=512, iterations=1500),
            "skrl_sac": Scale(num_envs=128, iterations=1300),
        },
        cuda={
            "rsl_rl_ppo": Scale(num_envs=4096, iterations=1500),
            "rsl_rl_sac": Scale(num_envs=4096, iterations=4000),
            "skrl_sac": Scale(num_envs=4096, iterations=1300),
        },
    )
