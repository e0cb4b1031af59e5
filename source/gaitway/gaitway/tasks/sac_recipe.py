"""Settings of SAC through RSL-RL, as Isaac Lab's tools read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlMLPModelCfg, RslRlSymmetryCfg
from isaaclab_tasks.utils import PresetCfg
from isaaclab_tasks.utils.hydra import preset

from gaitway.physics.presets import HAS_GPU

from .defaults import OnPolicyRecipe


@configclass
class SquashedGaussianCfg(RslRlMLPModelCfg.DistributionCfg):
    """A Gaussian squashed into the actions' range."""

    class_name: str = "gaitway.agents.sac:SquashedGaussian"

    init_std: float = 0.5
    """Standard deviation of the untrained policy, in the action's own unit."""

    std_range: tuple[float, float] = (0.01, 2.0)
    """Least and largest standard deviation, in the action's own unit."""


@configclass
class SacActorCfg(RslRlMLPModelCfg):
    """The policy."""

    hidden_dims: list[int] = [256, 256]
    activation: str = "relu"
    obs_normalization: bool = True
    distribution_cfg: SquashedGaussianCfg = SquashedGaussianCfg()


@configclass
class SacCriticCfg(RslRlMLPModelCfg):
    """The critics."""

    class_name: str = "gaitway.agents.sac:QCritic"
    hidden_dims: list[int] = [256, 256]
    activation: str = "relu"
    obs_normalization: bool = True

    layer_norm: bool = True
    """Whether to normalise the layers."""

    num_critics: int = 2
    """How many critics."""

    num_atoms: int = 1
    """1 for critics of a value, more for a distribution over that many values (C51)."""

    value_range: tuple[float, float] = (-10.0, 10.0)
    """Least and largest value that a distribution can hold."""


@configclass
class SacAlgorithmCfg:
    """The algorithm."""

    class_name: str = "gaitway.agents.sac:SAC"

    batch_size: int = 256
    """Transitions an update."""

    updates_per_step: float = 1.0
    """Updates for each step of all environments. Divided by their number it is the update-to-data ratio, which is
    printed at the start."""

    replay_capacity: int = 1_000_000
    """Transitions kept, over all environments."""

    learning_starts: int = 5_000
    """Transitions collected before the first update."""

    random_transitions: int = 0
    """Transitions collected with actions drawn evenly from their whole range, before the policy acts. 0 lets the
    untrained policy explore, which moves about the default pose."""

    n_step: int = 1
    """Steps that a return spans."""

    gamma: float = 0.99
    """Discount factor."""

    tau: float = 0.01
    """Share of the critics that goes into their targets with each update."""

    policy_delay: int = 1
    """Updates of the critics for each one of the policy and the temperature."""

    q_target: Literal["min", "mean"] = "min"
    """Whether the least of the critics counts, or their mean."""

    actor_learning_rate: float = 1.0e-3
    """AdamW's step for the policy."""

    critic_learning_rate: float = 1.0e-3
    """AdamW's step for the critics."""

    temperature_learning_rate: float = 5.0e-4
    """AdamW's step for the logarithm of the temperature. Too fast, and the noise is gone before all is explored."""

    adam_betas: tuple[float, float] = (0.9, 0.999)
    """AdamW's averages of the gradient and of its square."""

    weight_decay: float = 0.0
    """AdamW's decay of the weights."""

    max_grad_norm: float | None = None
    """Largest norm of a gradient, or None for any."""

    init_temperature: float = 0.01
    """What a nat of entropy is worth to begin with, in units of scaled reward."""

    learn_temperature: bool = True
    """Whether the temperature is tuned to hold the target entropy."""

    target_std: float | None = None
    """Target entropy as the standard deviation of a Gaussian that has it, in the action's own unit."""

    target_entropy: float | None = None
    """Target entropy in nats. With neither given it is -1 an action, for actions that range over ±1."""

    normalize_rewards: bool = True
    """Whether to divide rewards by a running standard deviation of the discounted return."""

    action_limits: float | list[float] | None = None
    """Half the range of each action, or of all, in place of the environment's own."""

    precision: Literal["float32", "bfloat16", "auto"] = "auto"
    """Of the networks while learning; ``auto`` takes bfloat16 where the processor computes with it."""

    num_threads: int | None = 1
    """Threads of torch's while it learns, or None for as many as it has. The networks are too small to share: on two
    cores, two threads take 1.5 times as long as one."""

    symmetry_cfg: RslRlSymmetryCfg | None = None
    """Mirrors half of each batch, where ``use_data_augmentation`` says so."""

    save_replay: bool = False
    """Whether checkpoints hold the replay. Without it a resumed run collects anew before it learns."""


CPU = {"batch_size": 512, "updates_per_step": 4.0, "replay_capacity": 1_000_000, "learning_starts": 5_000}
"""For a hundred environments or two: samples are dear, and each is used often."""

CUDA = {
    "batch_size": 8192,
    "updates_per_step": 4.0,
    "replay_capacity": 4_000_000,
    "learning_starts": 100_000,
    "policy_delay": 2,
    "actor_learning_rate": 3.0e-4,
    "critic_learning_rate": 3.0e-4,
    "temperature_learning_rate": 3.0e-4,
}
"""For thousands of environments: samples cost next to nothing, and large batches cost little more than small ones."""


def sac(*, cpu: Mapping[str, Any] | None = None, cuda: Mapping[str, Any] | None = None, **shared: Any) -> PresetCfg:
    """Settings of the algorithm for two kinds of machine.

    Where torch finds a GPU it is that for a GPU; ``presets=cpu`` and ``presets=cuda`` choose one by name.

    Args:
        cpu: Settings that differ on a CPU.
        cuda: Settings that differ on a GPU.
        **shared: Settings of both.
    """
    scales = {
        "cpu": SacAlgorithmCfg(**{**CPU, **shared, **(cpu or {})}),
        "cuda": SacAlgorithmCfg(**{**CUDA, **shared, **(cuda or {})}),
    }
    return preset(**scales, default=scales["cuda" if HAS_GPU else "cpu"])


@configclass
class SacRecipe(OnPolicyRecipe):
    """RSL-RL's on-policy runner with SAC as its algorithm."""

    num_steps_per_env = 8
    max_iterations = 10_000
    save_interval = 500
    # SAC leaves numbers that are not finite out of its updates and counts them.
    check_for_nan = False
    obs_groups = {"actor": ["policy"], "critic": ["critic"]}
    actor: SacActorCfg = SacActorCfg()
    critic: SacCriticCfg = SacCriticCfg()
    algorithm: SacAlgorithmCfg = sac()
