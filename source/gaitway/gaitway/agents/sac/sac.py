"""Soft actor-critic as an algorithm of RSL-RL."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from rsl_rl.models import MLPModel
from rsl_rl.utils import resolve_class, resolve_obs_groups
from tensordict import TensorDict

from gaitway.errors import Advice, UsageError

from .categorical import project_categorical
from .critic import QCritic
from .env_contract import action_range, request_final_obs
from .replay import Batch, Replay
from .reward_scale import RewardScale

LEAST_USES = 1.0
"""Times that a transition is drawn on average, below which learning is known to collapse."""
MOST_BAD_ROUNDS = 10
"""Rounds of updates in a row of which none was finite, after which learning gives up."""
MOST_UPDATES = 1.0
"""Updates a transition, above which critics without layer normalisation are known to diverge."""


class SAC:
    """Soft actor-critic (Haarnoja et al. 2018) with twin critics, for many environments at once.

    RSL-RL's ``OnPolicyRunner`` collects ``num_steps_per_env`` steps with :meth:`act` and :meth:`process_env_step` and
    then calls :meth:`update`, which makes ``updates_per_step`` updates for each of them.
    """

    def __init__(
        self,
        actor: MLPModel,
        critic: QCritic,
        storage: Replay,
        num_steps_per_env: int,
        *,
        batch_size: int = 256,
        updates_per_step: float = 1.0,
        learning_starts: int = 5000,
        random_transitions: int = 0,
        policy_delay: int = 1,
        tau: float = 0.005,
        actor_learning_rate: float = 3.0e-4,
        critic_learning_rate: float = 3.0e-4,
        temperature_learning_rate: float = 3.0e-4,
        adam_betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
        max_grad_norm: float | None = None,
        init_temperature: float = 0.01,
        learn_temperature: bool = True,
        target_std: float | None = None,
        target_entropy: float | None = None,
        q_target: str = "min",
        reward_scale: RewardScale | float = 1.0,
        precision: str = "float32",
        mirror: Callable[..., Any] | None = None,
        save_replay: bool = False,
        num_threads: int | None = 1,
        device: str = "cpu",
    ):
        """See :class:`~gaitway.tasks.sac_recipe.SacAlgorithmCfg` for what the settings mean.

        Args:
            actor: The policy, with a :class:`~gaitway.agents.sac.SquashedGaussian`.
            critic: The critics.
            storage: Where transitions are kept.
            num_steps_per_env: Steps between two calls of :meth:`update`.
            mirror: RSL-RL's ``data_augmentation_func`` with the environment bound: takes and returns observations and
                actions, the originals first.

        Raises:
            UsageError: A setting is out of range.
        """
        _check(
            batch_size > 0 and updates_per_step > 0 and policy_delay >= 1,
            "batch_size, updates_per_step and policy_delay must be positive",
        )
        _check(0.0 < tau <= 1.0, f"tau {tau} must lie in (0, 1]")
        _check(q_target in ("min", "mean"), f"q_target '{q_target}' must be 'min' or 'mean'")
        _check(
            target_std is None or target_entropy is None, "target_std and target_entropy exclude each other; give one"
        )
        _check(target_std is None or target_std > 0.0, f"target_std {target_std} must be positive")
        least = max(learning_starts, batch_size)
        _check(
            least <= storage.capacity,
            f"learning_starts {learning_starts} and batch_size {batch_size} must fit into the replay, which holds "
            f"{storage.capacity:,} transitions",
        )
        _check(num_threads is None or num_threads > 0, f"num_threads {num_threads} must be positive")
        _check(init_temperature > 0.0, f"init_temperature {init_temperature} must be positive")
        self.device = device
        self.actor = self._raw_actor = actor.to(device)
        self.critic = self._raw_critic = critic.to(device)
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
        # The target sees observations as the critic does.
        self.target_critic.obs_normalizer = self.critic.obs_normalizer
        self.storage = storage
        self.num_steps_per_env = num_steps_per_env
        self.batch_size, self.updates_per_step = batch_size, updates_per_step
        self.learning_starts, self.random_transitions = learning_starts, random_transitions
        self.policy_delay, self.tau = policy_delay, tau
        self.max_grad_norm = max_grad_norm
        self.learn_temperature = learn_temperature
        self.q_target, self.mirror, self.save_replay = q_target, mirror, save_replay
        self.num_threads = num_threads
        self.reward_scale = reward_scale.to(device) if isinstance(reward_scale, RewardScale) else reward_scale
        self.target_entropy = self._target_entropy(target_std, target_entropy)
        self.autocast = _autocast(precision, device)

        self.log_temperature = torch.tensor(math.log(init_temperature), device=device, requires_grad=True)
        adam = {"betas": tuple(adam_betas), "weight_decay": weight_decay, "fused": True}
        self._critic_params: list[torch.Tensor] = list(self.critic.parameters())
        self._target_params: list[torch.Tensor] = list(self.target_critic.parameters())
        self._actor_params: list[torch.Tensor] = list(self.actor.parameters())
        self.actor_optimizer = torch.optim.AdamW(self._actor_params, lr=actor_learning_rate, **adam)  # type: ignore
        self.critic_optimizer = torch.optim.AdamW(self._critic_params, lr=critic_learning_rate, **adam)  # type: ignore
        self.temperature_optimizer = torch.optim.AdamW(
            [self.log_temperature], lr=temperature_learning_rate, weight_decay=0.0, fused=True
        )
        self.learning_rate = actor_learning_rate

        self.env_steps = self.updates = 0
        self._due = 0.0
        self._obs: Mapping[str, torch.Tensor] | None = None
        self._actions = torch.zeros(0)
        self._groups = list(storage.sizes)
        self._copies = 1
        self._bad_rounds = 0
        self._bad_before = 0.0, 0.0
        self._told = False
        self._pending: Mapping[str, Any] | None = None
        self.notes: list[str] = []
        """What it says of itself before it learns."""
        self._unknown_ends = torch.zeros((), dtype=torch.long, device=device)
        self._bad_rows = torch.zeros(len(self._fields()), dtype=torch.long, device=device)
        self._bad_updates = torch.zeros((), dtype=torch.long, device=device)
        self._critic_loss, self._actor_loss = self._raw_critic_loss, self._raw_actor_loss

    # -- RSL-RL's contract: collecting

    def act(self, obs: TensorDict) -> torch.Tensor:
        """Actions for all environments. Shape is (num_envs, num_actions)."""
        self._obs = {group: obs[group] for group in self._groups}
        distribution = self._raw_actor.distribution
        if self.env_steps * self.storage.num_envs < self.random_transitions:
            share = torch.rand(self.storage.num_envs, distribution.output_dim, device=self.device)  # type: ignore
            self._actions = distribution.offset + distribution.scale * (2.0 * share - 1.0)  # type: ignore
        else:
            self._actions = self.actor(obs, stochastic_output=True).detach()
        return self._actions

    def process_env_step(
        self, obs: TensorDict, rewards: torch.Tensor, dones: torch.Tensor, extras: Mapping[str, Any]
    ) -> None:
        """Keep a step.

        Args:
            obs: Observations after it, of a new episode where one ended.
            rewards: Shape is (num_envs,).
            dones: Whether episodes ended. Shape is (num_envs,).
            extras: ``time_outs``, whether they ended in time only (none did where it is missing); ``final_obs``, the
                observations before the reset, read only where an episode ended; ``terminated``, read there too, where
                the environment can tell an episode that ended in both ways.
        """
        done = dones.bool()
        time_outs = extras.get("time_outs")
        if "terminated" in extras:
            terminated = done & extras["terminated"].to(self.device).bool()
        else:
            terminated = done if time_outs is None else done & ~time_outs.to(self.device).bool()
        next_obs = {group: obs[group] for group in self._groups}
        if "final_obs" in extras:
            ended = done.unsqueeze(-1)
            final = extras["final_obs"]
            next_obs = {g: torch.where(ended, final[g].to(self.device), value) for g, value in next_obs.items()}
        else:
            self._unknown_ends += (done & ~terminated).sum()
        assert self._obs is not None, "act() comes before process_env_step()"
        self.storage.add(self._obs, self._actions, rewards, next_obs, terminated, done)
        self._learn_statistics(obs)
        if isinstance(self.reward_scale, RewardScale):
            self.reward_scale.update(rewards, done)
        self.env_steps += 1

    def _learn_statistics(self, obs: Mapping[str, torch.Tensor]) -> None:
        """Mean and variance of new observations; rows that are not finite count as the mean."""
        # Else the statistics would be inference tensors, which nothing can be loaded into.
        with torch.inference_mode(False), torch.no_grad():
            for model in (self._raw_actor, self._raw_critic):
                if model.obs_normalization:
                    rows = torch.cat([obs[group] for group in model.obs_groups], dim=-1)
                    good = torch.isfinite(rows.square().sum(dim=-1, keepdim=True))
                    normalizer: Any = model.obs_normalizer
                    normalizer.update(torch.where(good, rows, normalizer._mean))

    def compute_returns(self, obs: TensorDict) -> None:
        """Nothing to do: returns are computed as transitions are drawn."""

    # -- RSL-RL's contract: learning

    def update(self) -> dict[str, float]:
        """Make the updates that are due.

        Returns:
            Means over the updates, for the log. Nothing is read back from the device before the last update.

        Raises:
            UsageError: Episodes ended in time and the environment did not say how, or nothing finite comes any more.
        """
        if len(self.storage) < max(self.learning_starts, self.batch_size):
            self._refuse_unknown_ends()
            return {}
        self._due += self.updates_per_step * self.num_steps_per_env
        number, self._due = int(self._due), self._due % 1.0
        threads = torch.get_num_threads()
        torch.set_num_threads(self.num_threads or threads)
        try:
            logs = [self._update_once() for _ in range(number)]
        finally:
            torch.set_num_threads(threads)
        self._refuse_unknown_ends()
        return self._summary(logs)

    def _update_once(self) -> dict[str, torch.Tensor]:
        batch, weight = self._draw()
        actor_latent = self._raw_actor.get_latent(batch.obs)  # type: ignore[arg-type]
        critic_latent = self._raw_critic.latent(batch.obs)
        next_actor_latent = self._raw_actor.get_latent(batch.next_obs)  # type: ignore[arg-type]
        next_critic_latent = self._raw_critic.latent(batch.next_obs)
        loss, log = self._critic_loss(
            critic_latent,
            batch.actions,
            batch.rewards,
            batch.discount,
            next_actor_latent,
            next_critic_latent,
            weight,
            self.log_temperature.detach().exp(),
        )
        self._step(self.critic_optimizer, self._critic_params, loss)
        if self.updates % self.policy_delay == 0:
            loss, log_prob = self._actor_loss(actor_latent, critic_latent, weight, self.log_temperature.detach().exp())
            self._step(self.actor_optimizer, self._actor_params, loss)
            entropy = -(log_prob * weight).sum() / weight.sum()
            log |= {"actor": loss.detach(), "entropy": entropy}
            if self.learn_temperature:
                # It falls while the policy is more random than asked for.
                loss = self.log_temperature * (entropy - self.target_entropy)
                self._step(self.temperature_optimizer, [self.log_temperature], loss)
        with torch.no_grad():
            torch._foreach_lerp_(self._target_params, self._critic_params, self.tau)
        self.updates += 1
        return log

    def _draw(self) -> tuple[Batch, torch.Tensor]:
        """A batch with scaled rewards and mirrored rows, and a weight for each row: 0 where it holds NaN or inf."""
        size = self.batch_size // self._copies
        batch = self.storage.sample(size)
        with torch.no_grad():
            weight = self._clean(batch)
            factor = self.reward_scale.factor if isinstance(self.reward_scale, RewardScale) else self.reward_scale
            batch.rewards = batch.rewards * factor
            if self.mirror is not None:
                batch, weight = self._mirrored(batch, weight, size)
        return batch, weight

    def _fields(self) -> list[str]:
        return [*(f"obs.{g}" for g in self._groups), *(f"next_obs.{g}" for g in self._groups), "actions", "rewards"]

    def _clean(self, batch: Batch) -> torch.Tensor:
        """Put zeros into rows that hold a number that is not finite, and count such rows by field."""
        fields = [*batch.obs.values(), *batch.next_obs.values(), batch.actions, batch.rewards.unsqueeze(-1)]
        # x - x is 0 for finite numbers and NaN else
        bad = torch.stack([(value - value).sum(dim=-1).ne(0.0) for value in fields])
        # What follows a termination is never used.
        first_next = len(self._groups)
        bad[first_next : 2 * first_next] &= batch.discount.ne(0.0)
        self._bad_rows += bad.sum(dim=-1)
        good = ~bad.any(dim=0)
        column = good.unsqueeze(-1)
        for group in self._groups:
            batch.obs[group] = torch.where(column, batch.obs[group], 0.0)
            alive = column & batch.discount.ne(0.0).unsqueeze(-1)
            batch.next_obs[group] = torch.where(alive, batch.next_obs[group], batch.obs[group])
        batch.actions = torch.where(column, batch.actions, 0.0)
        batch.rewards = torch.where(good, batch.rewards, 0.0)
        return good.float()

    def _mirrored(self, batch: Batch, weight: torch.Tensor, size: int) -> tuple[Batch, torch.Tensor]:
        assert self.mirror is not None
        obs, actions = self.mirror(obs=TensorDict(batch.obs, batch_size=[size]), actions=batch.actions)
        next_obs, _ = self.mirror(obs=TensorDict(batch.next_obs, batch_size=[size]), actions=None)
        copies = self._copies
        return (
            Batch(
                {group: obs[group] for group in self._groups},
                actions,
                batch.rewards.repeat(copies),
                batch.discount.repeat(copies),
                {group: next_obs[group] for group in self._groups},
            ),
            weight.repeat(copies),
        )

    def _raw_critic_loss(
        self,
        latent: torch.Tensor,
        actions: torch.Tensor,
        rewards: torch.Tensor,
        discount: torch.Tensor,
        next_actor_latent: torch.Tensor,
        next_latent: torch.Tensor,
        weight: torch.Tensor,
        temperature: torch.Tensor,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        critic = self._raw_critic
        with torch.no_grad(), self.autocast:
            next_actions, next_log_prob = self._sample(next_actor_latent)
            output = self.target_critic(next_latent, next_actions)
            values = self.target_critic.value(output)
            bonus = -temperature * next_log_prob
            if critic.num_atoms == 1:
                value = values.amin(dim=0) if self.q_target == "min" else values.mean(dim=0)
                target = rewards + discount * (value + bonus)
                target_mean = target
            else:
                probs = torch.softmax(output, dim=-1)
                if self.q_target == "min":
                    least = values.argmin(dim=0).view(1, -1, 1).expand(1, -1, critic.num_atoms)
                    probs = probs.gather(0, least)
                else:
                    probs = probs.mean(dim=0, keepdim=True)
                target = project_categorical(probs, rewards + discount * bonus, discount, critic.support)
                target_mean = (target @ critic.support).mean(dim=0)
        with self.autocast:
            output = critic(latent, actions)
        if critic.num_atoms == 1:
            values = critic.value(output)
            loss = 0.5 * (values - target).square()
        else:
            values = critic.value(output.detach())
            loss = -(target * torch.log_softmax(output, dim=-1)).sum(dim=-1)
        total = (loss * weight).sum() / weight.sum().clamp(min=1.0)
        return total, {"critic": total.detach(), "q": values.detach().mean(), "q_target": target_mean.mean()}

    def _raw_actor_loss(
        self, latent: torch.Tensor, critic_latent: torch.Tensor, weight: torch.Tensor, temperature: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with self.autocast:
            actions, log_prob = self._sample(latent)
            values = self._raw_critic.value(self._raw_critic(critic_latent, actions))
        value = values.amin(dim=0) if self.q_target == "min" else values.mean(dim=0)
        loss = ((temperature * log_prob - value) * weight).sum() / weight.sum().clamp(min=1.0)
        return loss, log_prob.detach()

    def _sample(self, latent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        distribution: Any = self._raw_actor.distribution
        distribution.update(self._raw_actor.mlp(latent))
        return distribution.rsample()

    def _step(self, optimizer: torch.optim.Optimizer, params: Sequence[torch.Tensor], loss: torch.Tensor) -> None:
        """One step, unless a gradient is not finite; decided on the device."""
        grads = torch.autograd.grad(loss, params)
        norm = torch.nn.utils.get_total_norm(grads)
        bad = ~torch.isfinite(norm)
        self._bad_updates += bad
        if self.max_grad_norm is not None:
            torch._foreach_mul_(grads, (self.max_grad_norm / (norm + 1.0e-6)).clamp(max=1.0))
        for param, grad in zip(params, grads, strict=True):
            param.grad = grad
        # Where this is 1, torch's fused optimisers leave weights and moments as they are (made for mixed precision).
        optimizer.found_inf = bad.float()  # type: ignore[attr-defined]
        optimizer.step()
        for param in params:
            param.grad = None

    def _summary(self, logs: list[dict[str, torch.Tensor]]) -> dict[str, float]:
        names = list(dict.fromkeys(name for log in logs for name in log))
        means = [torch.stack([log[name] for log in logs if name in log]).nanmean() for name in names]
        fields = self._fields()
        counts = torch.cat((self._bad_rows, self._bad_updates.view(1))).float()
        values = torch.cat((torch.stack([*means, self.log_temperature.detach().exp()]), counts)).tolist()
        result = dict(zip([*names, "temperature"], values, strict=False))
        bad = dict(zip([*fields, "gradients"], values[len(names) + 1 :], strict=True))
        result["updates"] = float(self.updates)
        result["updates_per_transition"] = self.updates / (self.env_steps * self.storage.num_envs)
        result["bad_rows"] = sum(bad[field] for field in fields)
        result["bad_updates"] = bad["gradients"]
        where = ", ".join(f"{name} ({int(count)})" for name, count in bad.items() if count)
        if where and not self._told:
            self._told = True
            warnings.warn(
                Advice(
                    f"Numbers that are not finite were left out of the updates: {where}. The count goes on as "
                    "Loss/bad_rows and Loss/bad_updates."
                ),
                stacklevel=2,
            )
        # As many steps skipped as there were updates, or as many rows left out as were drawn.
        steps, rows = result["bad_updates"] - self._bad_before[0], result["bad_rows"] - self._bad_before[1]
        self._bad_before = result["bad_updates"], result["bad_rows"]
        nothing = bool(logs) and (steps >= len(logs) or rows >= len(logs) * (self.batch_size // self._copies))
        self._bad_rounds = self._bad_rounds + 1 if nothing else 0
        if self._bad_rounds >= MOST_BAD_ROUNDS:
            raise UsageError(
                f"No update was finite in the last {MOST_BAD_ROUNDS} rounds; not finite were, since the beginning: "
                f"{where}. Is the simulation stable? Are the learning rates too high?"
            )
        return result

    def _refuse_unknown_ends(self) -> None:
        if int(self._unknown_ends):
            raise UsageError(
                f"{int(self._unknown_ends)} episode(s) ended in time, and extras['final_obs'] did not say how: their "
                "value would be that of the next episode's beginning. Isaac Lab: env.compute_final_obs=True."
            )

    # -- RSL-RL's contract: the rest

    def prepare(self) -> None:
        """Take the memory that learning needs, and say so in :attr:`notes`. Once is enough.

        Raises:
            UsageError: The memory does not suffice, or a batch is smaller than the mirror's copies.
        """
        if self.notes:
            return
        self.notes.append(self.storage.allocate())
        if self.mirror is not None:
            row = TensorDict({g: torch.zeros(1, n, device=self.device) for g, n in self.storage.sizes.items()}, [1])
            self._copies = self.mirror(obs=row, actions=None)[0].batch_size[0]
            _check(self.batch_size >= self._copies, f"batch_size must be at least {self._copies}, the mirror's copies")
        self.notes.append(self._ratios())
        print(*self.notes, sep="\n")
        if self._pending is not None:
            self._restore(self._pending)

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Put back what only learning needs: random numbers and the replay."""
        torch.set_rng_state(state["random"]["cpu"].cpu())
        if state["random"]["cuda"] is not None and str(self.device).startswith("cuda"):
            torch.cuda.set_rng_state(state["random"]["cuda"].cpu(), self.device)
        if "replay" in state and self.save_replay:
            self.storage.load_state_dict(state["replay"])
        self._pending = None

    def train_mode(self) -> None:
        """To learn. What is collected next does not go on from what was collected last."""
        self.prepare()
        self._raw_actor.train()
        self._raw_critic.train()
        self.storage.cut()
        if isinstance(self.reward_scale, RewardScale):
            self.reward_scale.begin()

    def eval_mode(self) -> None:
        """To act only."""
        self._raw_actor.eval()
        self._raw_critic.eval()

    def get_policy(self) -> MLPModel:
        """The policy."""
        return self._raw_actor

    def save(self) -> dict[str, Any]:
        """All that a resumed run needs, as tensors and plain values; the replay only where the recipe says so."""
        state = {
            "actor_state_dict": self._raw_actor.state_dict(),
            "critic_state_dict": self._raw_critic.state_dict(),
            "target_critic_state_dict": self.target_critic.state_dict(),
            "actor_optimizer_state_dict": self.actor_optimizer.state_dict(),
            "critic_optimizer_state_dict": self.critic_optimizer.state_dict(),
            "temperature_optimizer_state_dict": self.temperature_optimizer.state_dict(),
            "log_temperature": self.log_temperature.detach().clone(),
            "counters": {"env_steps": self.env_steps, "updates": self.updates, "due": self._due},
            "bad_rows": self._bad_rows.clone(),
            "bad_updates": self._bad_updates.clone(),
            "random": {
                "cpu": torch.get_rng_state(),
                "cuda": torch.cuda.get_rng_state(self.device) if str(self.device).startswith("cuda") else None,
            },
        }
        if isinstance(self.reward_scale, RewardScale):
            state["reward_scale_state_dict"] = self.reward_scale.state_dict()
        if self.save_replay:
            state["replay"] = self.storage.state_dict()
        return state

    def load(self, loaded_dict: dict, load_cfg: dict | None, strict: bool) -> bool:
        """Put back what :meth:`save` returned.

        Args:
            loaded_dict: The state.
            load_cfg: Which parts, of ``actor``, ``critic``, ``optimizer`` and ``iteration``; all of them if None.
            strict: Whether the networks must match exactly.

        Returns:
            Whether the count of iterations goes on too.
        """
        parts = {"actor": True, "critic": True, "optimizer": True, "iteration": True} if load_cfg is None else load_cfg
        if parts.get("actor"):
            self._raw_actor.load_state_dict(loaded_dict["actor_state_dict"], strict=strict)
        if parts.get("critic"):
            self._raw_critic.load_state_dict(loaded_dict["critic_state_dict"], strict=strict)
            self.target_critic.load_state_dict(loaded_dict["target_critic_state_dict"], strict=strict)
            with torch.no_grad():
                self.log_temperature.copy_(loaded_dict["log_temperature"])
            if isinstance(self.reward_scale, RewardScale):
                self.reward_scale.load_state_dict(loaded_dict["reward_scale_state_dict"])
        if parts.get("optimizer"):
            for name in ("actor", "critic", "temperature"):
                getattr(self, f"{name}_optimizer").load_state_dict(loaded_dict[f"{name}_optimizer_state_dict"])
        if parts.get("iteration"):
            counters = loaded_dict["counters"]
            self.env_steps, self.updates, self._due = counters["env_steps"], counters["updates"], counters["due"]
            self._bad_rows.copy_(loaded_dict["bad_rows"])
            self._bad_updates.copy_(loaded_dict["bad_updates"])
            # What a policy that is only played back does not need waits until learning begins.
            self._pending = {name: loaded_dict[name] for name in ("random", "replay") if name in loaded_dict}
            if self.notes:
                self._restore(self._pending)
        return bool(parts.get("iteration", False))

    def compile(self, mode: str | None = None) -> None:
        """Compile both losses with ``torch.compile``; None leaves them as they are.

        Raises:
            UsageError: The mode replays CUDA graphs, which several networks in one loss break.
        """
        if mode is None:
            return
        if mode in ("reduce-overhead", "max-autotune"):
            raise UsageError(
                f"torch_compile_mode '{mode}' replays CUDA graphs, which break with several networks in one update; "
                "use 'default' or 'max-autotune-no-cudagraphs'."
            )
        self._critic_loss = torch.compile(self._raw_critic_loss, mode=mode)
        self._actor_loss = torch.compile(self._raw_actor_loss, mode=mode)

    @staticmethod
    def construct_algorithm(obs: TensorDict, env: Any, cfg: dict, device: str) -> SAC:
        """Build it from a runner's config.

        Args:
            obs: An example of the observations. Shape of each is (num_envs, n).
            env: The vectorised environment.
            cfg: The runner's config: ``algorithm``, ``actor``, ``critic``, ``obs_groups``, ``num_steps_per_env``.
            device: Where to learn.

        Raises:
            UsageError: The environment or the recipe does not allow it.
        """
        if cfg.get("multi_gpu") is not None:
            raise UsageError("SAC learns on one GPU; start it without torchrun, or train with PPO.")
        algorithm_class, settings = resolve_class(cfg["algorithm"])
        actor_class, actor_cfg = resolve_class(cfg["actor"])
        critic_class, critic_cfg = resolve_class(cfg["critic"])
        groups = cfg["obs_groups"] = resolve_obs_groups(obs, cfg["obs_groups"], ["actor", "critic"])
        low, high = action_range(env, settings.pop("action_limits", None), env.num_actions)
        request_final_obs(env)
        # A copy: the config stays as it was written.
        actor_cfg = copy.deepcopy(actor_cfg)
        actor_cfg["distribution_cfg"] |= {"action_low": low.tolist(), "action_high": high.tolist()}
        actor = actor_class(obs, groups, "actor", env.num_actions, **actor_cfg)
        critic = critic_class(obs, groups, "critic", env.num_actions, **critic_cfg)
        print(f"Actor: {actor}\nCritics: {critic}")
        gamma = settings.pop("gamma", 0.99)
        kept = list(dict.fromkeys([*groups["actor"], *groups["critic"]]))
        storage = Replay(
            settings.pop("replay_capacity", 1_000_000),
            env.num_envs,
            {group: obs[group] for group in kept},
            env.num_actions,
            device,
            settings.pop("n_step", 1),
            gamma,
        )
        if settings.pop("normalize_rewards", False):
            edge = critic.support.abs().amax().item() if critic.num_atoms > 1 else None
            settings["reward_scale"] = RewardScale(env.num_envs, gamma, edge)
        settings["mirror"] = _bind_mirror(settings.pop("symmetry_cfg", None), env)
        algorithm = algorithm_class(actor, critic, storage, cfg["num_steps_per_env"], device=device, **settings)
        algorithm.compile(cfg.get("torch_compile_mode"))
        return algorithm

    def broadcast_parameters(self) -> None:
        """Never called: one process learns."""
        raise UsageError("SAC learns on one GPU; start it without torchrun, or train with PPO.")

    def _target_entropy(self, target_std: float | None, target_entropy: float | None) -> float:
        num_actions = self.actor.distribution.output_dim  # type: ignore[union-attr]
        if target_entropy is not None:
            return target_entropy
        if target_std is not None:
            # the entropy of a Gaussian of that standard deviation, in the action's own unit
            return num_actions * math.log(target_std * math.sqrt(2.0 * math.pi * math.e))
        # -1 an action where actions range over ±1 (Haarnoja et al. 2018), carried over to the ranges at hand
        return float(torch.log(self.actor.distribution.scale).sum()) - num_actions  # type: ignore[union-attr, arg-type]

    def _ratios(self) -> str:
        """How updates and samples relate, in words; warns of what is known to fail."""
        envs = self.storage.num_envs
        updates = self.updates_per_step / envs
        uses = updates * self.batch_size
        if uses < LEAST_USES:
            warnings.warn(
                Advice(
                    f"Each transition is drawn only {uses:.2g} times on average; below {LEAST_USES:g} the critics lag "
                    "behind the policy and learning is known to collapse. Raise updates_per_step or batch_size."
                ),
                stacklevel=2,
            )
        normalised = any("Norm" in type(layer).__name__ for layer in self._raw_critic.layers)
        if updates > MOST_UPDATES and not normalised:
            warnings.warn(
                Advice(
                    f"{updates:.2g} updates a transition with critics that have no layer normalisation: their values "
                    "are known to run away. Set critic.layer_norm, or lower updates_per_step."
                ),
                stacklevel=2,
            )
        return (
            f"SAC: {self.updates_per_step:g} update(s) of {self.batch_size} transitions for each step of {envs} "
            f"environments: {updates:.3g} updates a transition, each transition drawn {uses:.3g} times on average. "
            f"Target entropy {self.target_entropy:.2f}."
        )


def _bind_mirror(symmetry: Mapping[str, Any] | None, env: Any) -> Callable[..., Any] | None:
    if not symmetry or not symmetry.get("use_data_augmentation"):
        return None
    from rsl_rl.utils import resolve_callable

    function = resolve_callable(symmetry["data_augmentation_func"])

    def mirror(obs: Any, actions: Any) -> Any:
        return function(env=env, obs=obs, actions=actions)

    return mirror


def _autocast(precision: str, device: str) -> torch.autocast:
    kind = torch.device(device).type
    _check(precision in ("float32", "bfloat16", "auto"), f"precision '{precision}' must be float32, bfloat16 or auto")
    half = precision == "bfloat16" or (precision == "auto" and _has_fast_bfloat16(kind))
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=half)


def _has_fast_bfloat16(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise UsageError(f"SAC: {message}.")
