"""Pick and place with the Franka Panda."""

from gaitway.tasks.registry import Scale, register_task

_HERE = __name__
_PLACED = "The cube was lifted, lies within 5 cm of the place and has been let go when the episode ends."
_HELD = "The cube is in the hand, within 5 cm of the place, when the episode ends."
_PUT_DOWN, _HOLD = "put it down at", "hold it at"

for _variant, _reward, _what, _success in (
    ("", "", _PUT_DOWN, _PLACED),
    ("Staged", ", with a reward by stages", _HOLD, _HELD),
    ("Sparse", ", with a reward for success alone", _PUT_DOWN, _PLACED),
):
    register_task(
        "-".join(filter(None, ("Gaitway-PickPlace", _variant, "Franka"))),
        env_cfg=f"{_HERE}.pick_place_env_cfg:FrankaPickPlace{_variant}EnvCfg",
        recipes={
            "rsl_rl_ppo": f"{_HERE}.agents:FrankaPickPlacePPO",
            "skrl_ppo": f"{_HERE}.agents:franka_pick_place_skrl_ppo",
            "rsl_rl_sac": f"{_HERE}.agents:FrankaPickPlaceSAC",
            "skrl_sac": f"{_HERE}.agents:franka_pick_place_skrl_sac",
        },
        robot="Franka Panda",
        summary=f"Pick up a cube and {_what} a commanded place on the ground{_reward}.",
        success=_success,
        cpu={
            "rsl_rl_sac": Scale(num_envs=128, iterations=800),
            "rsl_rl_ppo": Scale(num_envs=512, iterations=2000),
            "skrl_sac": Scale(num_envs=128, iterations=350),
        },
        cuda={
            "rsl_rl_ppo": Scale(num_envs=4096, iterations=2000),
            "rsl_rl_sac": Scale(num_envs=4096, iterations=4000),
            "skrl_sac": Scale(num_envs=4096, iterations=1300),
        },
    )
