"""Actions that Isaac Lab lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from isaaclab.envs.mdp.actions.actions_cfg import JointPositionActionCfg
from isaaclab.envs.mdp.actions.joint_actions import JointPositionAction
from isaaclab.utils import configclass

from gaitway.errors import UsageError

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedEnv


class DelayedJointPositionAction(JointPositionAction):
    """Joint position targets that reach the motors late.

    Each environment draws a whole number of physics steps with each episode. Before an episode's first target there is
    none to follow, so that one counts from the beginning. What the policy is shown as its last action is not delayed.
    """

    cfg: DelayedJointPositionActionCfg

    def __init__(self, cfg: DelayedJointPositionActionCfg, env: ManagerBasedEnv):
        """
        Raises:
            UsageError: The delay is no range, or the engine takes whole env-steps and cannot delay within one.
        """
        super().__init__(cfg, env)
        low, high = cfg.delay
        if not 0.0 <= low <= high:
            raise UsageError(f"delay {cfg.delay} of an action must be a range of seconds, such as (0.0, 0.02).")
        self._least, self._most = (round(seconds / env.physics_dt) for seconds in (low, high))
        self.lags = torch.zeros(self.num_envs, dtype=torch.long, device=self.device)
        """Physics steps by which targets come late in this episode. Shape is (num_envs,)."""
        if not self._most:
            return
        self._decimation = env.cfg.decimation
        self._all = torch.arange(self.num_envs, device=self.device)
        # As many targets as the longest delay reaches back, and two more, between which it may lie.
        self._targets = torch.zeros(self._most // self._decimation + 2, *self._raw_actions.shape, device=self.device)
        self._newest = 0
        self._num_targets = torch.zeros_like(self.lags)
        self._early = self._late = self._processed_actions
        self._switch = torch.zeros_like(self.lags)
        self._substep = 0
        self._held: torch.Tensor | None = None
        engine: Any = env.sim.physics_manager
        if engine.handles_decimation():
            if not hasattr(engine, "hold_targets"):
                raise UsageError(
                    f"This engine takes whole env-steps and cannot delay targets within one; set "
                    f"env.sim.use_newton_actuators=false, or env.actions: delay of {', '.join(self._joint_names)} to 0."
                )
            self._held = torch.zeros(self.num_envs, dtype=torch.int32)
            engine.hold_targets(self._joint_names, self._held)

    def process_actions(self, actions: torch.Tensor) -> None:
        """Take the policy's actions, and find out which targets reach the motors in this env-step.

        In its first :attr:`_switch` physics steps that is an earlier one than in the rest.
        """
        super().process_actions(actions)
        if not self._most:
            return
        depth = len(self._targets)
        self._newest = (self._newest + 1) % depth
        self._targets[self._newest] = self._processed_actions
        whole = self.lags // self._decimation
        late, early = (torch.minimum(ago, self._num_targets) for ago in (whole, whole + 1))
        self._late = self._targets[(self._newest - late) % depth, self._all]
        self._early = self._targets[(self._newest - early) % depth, self._all]
        self._switch = torch.where(self._num_targets > 0, self.lags % self._decimation, 0)
        self._num_targets += 1
        self._substep = 0
        if self._held is not None:
            self._held.copy_(self._switch)

    def apply_actions(self) -> None:
        """Set the targets of a physics step, or, where the engine takes whole env-steps, of its end."""
        if not self._most:
            target = self._processed_actions
        elif self._held is not None:
            target = self._late
        else:
            target = torch.where((self._substep < self._switch).unsqueeze(-1), self._early, self._late)
            self._substep += 1
        self._asset.set_joint_position_target_index(target=target, joint_ids=self._joint_ids)

    def reset(self, env_ids: Sequence[int] | None = None) -> None:
        """Begin episodes, each with a delay of its own."""
        super().reset(env_ids)
        if not self._most:
            return
        ids: Any = slice(None) if env_ids is None else env_ids
        self._num_targets[ids] = 0
        self.lags[ids] = torch.randint(self._least, self._most + 1, self.lags[ids].shape, device=self.device)


class MeasuredJointPositionAction(DelayedJointPositionAction):
    """Joint position targets about where the joints are at the beginning of the env-step, that may reach the motors
    late: ``q + scale · action``, kept for the whole step.

    With a motor's stiffness k and damping d no joint gets faster than about ``scale · k / d`` by itself. (Isaac Lab's
    ``RelativeJointPositionAction`` counts from where the joints are in each physics step, so that it depends on how an
    engine divides the env-step.)
    """

    cfg: MeasuredJointPositionActionCfg

    def process_actions(self, actions: torch.Tensor) -> None:
        """Take the policy's actions, and where the joints are."""
        self._offset = self._asset.data.joint_pos.torch[:, self._joint_ids]
        super().process_actions(actions)
        self._offset = 0.0


@configclass
class DelayedJointPositionActionCfg(JointPositionActionCfg):
    """Configuration of :class:`DelayedJointPositionAction`."""

    class_type: type = DelayedJointPositionAction

    delay: tuple[float, float] = (0.0, 0.0)
    """Least and longest delay, rounded to physics steps. Unit: s."""


@configclass
class MeasuredJointPositionActionCfg(DelayedJointPositionActionCfg):
    """Configuration of :class:`MeasuredJointPositionAction`."""

    class_type: type = MeasuredJointPositionAction

    use_default_offset: bool = False
