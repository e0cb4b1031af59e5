"""PPO: what the recipes of all tasks share, and the same recipe for skrl."""

from __future__ import annotations

import math
from typing import Any

from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlMLPModelCfg, RslRlPpoAlgorithmCfg

from .defaults import OnPolicyRecipe


@configclass
class PpoRecipe(OnPolicyRecipe):
    """RSL-RL's PPO, with steps that grow and shrink to keep the policy's changes even."""

    num_steps_per_env = 24
    max_iterations = 1000
    save_interval = 50
    obs_groups = {"actor": ["policy"], "critic": ["critic"]}
    actor = RslRlMLPModelCfg(
        hidden_dims=[256, 128, 64],
        activation="relu",  # on a CPU, torch takes a hundred times as long for ELU
        obs_normalization=True,
        distribution_cfg=RslRlMLPModelCfg.GaussianDistributionCfg(init_std=1.0),
    )
    critic = RslRlMLPModelCfg(hidden_dims=[256, 128, 64], activation="relu", obs_normalization=True)
    algorithm = RslRlPpoAlgorithmCfg(
        value_loss_coef=1.0,
        use_clipped_value_loss=True,
        clip_param=0.2,
        entropy_coef=0.005,
        num_learning_epochs=5,
        num_mini_batches=4,
        learning_rate=1.0e-3,
        schedule="adaptive",
        gamma=0.99,
        lam=0.95,
        desired_kl=0.01,
        max_grad_norm=1.0,
    )


def skrl_ppo(recipe: OnPolicyRecipe) -> dict[str, Any]:
    """The same recipe for skrl's PPO, as near as its agent allows: it does not mirror.

    Args:
        recipe: A recipe for RSL-RL's PPO.
    """
    ppo = recipe.algorithm
    if ppo.schedule == "adaptive":
        schedule = {
            "learning_rate_scheduler": "KLAdaptiveLR",
            "learning_rate_scheduler_kwargs": {"kl_threshold": ppo.desired_kl},
        }
    else:
        schedule = {}
    return {
        "seed": 42,
        "models": {
            "separate": True,
            "policy": {
                "class": "GaussianMixin",
                "clip_actions": False,
                "clip_log_std": True,
                "min_log_std": -20.0,
                "max_log_std": 2.0,
                "initial_log_std": math.log(recipe.actor.distribution_cfg.init_std),
                "network": [_layers(recipe.actor, "OBSERVATIONS")],
                "output": "ACTIONS",
            },
            "value": {
                "class": "DeterministicMixin",
                "clip_actions": False,
                "network": [_layers(recipe.critic, "STATES")],
                "output": "ONE",
            },
        },
        "memory": {"class": "RandomMemory", "memory_size": -1},
        "agent": {
            "class": "PPO",
            "rollouts": recipe.num_steps_per_env,
            "learning_epochs": ppo.num_learning_epochs,
            "mini_batches": ppo.num_mini_batches,
            "discount_factor": ppo.gamma,
            "lambda": ppo.lam,
            "learning_rate": ppo.learning_rate,
            **schedule,
            "observation_preprocessor": "RunningStandardScaler",
            "observation_preprocessor_kwargs": None,
            "state_preprocessor": "RunningStandardScaler",
            "state_preprocessor_kwargs": None,
            "value_preprocessor": "RunningStandardScaler",
            "value_preprocessor_kwargs": None,
            "random_timesteps": 0,
            "learning_starts": 0,
            "grad_norm_clip": ppo.max_grad_norm,
            "ratio_clip": ppo.clip_param,
            "value_clip": ppo.clip_param,
            "entropy_loss_scale": ppo.entropy_coef,
            "value_loss_scale": ppo.value_loss_coef,
            "kl_threshold": 0.0,
            "rewards_shaper_scale": 1.0,
            "time_limit_bootstrap": True,
            "experiment": {
                "directory": recipe.experiment_name,
                "experiment_name": "",
                "write_interval": "auto",
                "checkpoint_interval": "auto",
            },
        },
        "trainer": {
            "class": "SequentialTrainer",
            "timesteps": recipe.num_steps_per_env * recipe.max_iterations,
            "environment_info": "log",
        },
    }


def _layers(model: RslRlMLPModelCfg, sees: str) -> dict[str, Any]:
    return {"name": "net", "input": sees, "layers": list(model.hidden_dims), "activations": model.activation}
