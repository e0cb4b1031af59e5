"""The teacher of a distillation: a run of the same task, whose policy sees more than the student's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitway.errors import UsageError

from .run import Run, find_run

if TYPE_CHECKING:
    from .checkpoints import Checkpoint

DISTILLATION = "distillation"


def learns_from_teacher(agent: str) -> bool:
    """Whether an agent needs a teacher."""
    return agent.rpartition("_")[2] == DISTILLATION


def find_teacher(name: str | None, root: Path, task: str, agent: str) -> Run | None:
    """The run of a teacher, where the agent needs one.

    Args:
        name: As for :func:`~gaitway.runs.find_run`, or None if no teacher was named.
        root: Folder of all runs.
        task: Task id of the student.
        agent: Agent of the student.

    Raises:
        UsageError: One is missing or not needed, or it cannot teach this task.
    """
    if not learns_from_teacher(agent):
        if name is not None:
            raise UsageError(f"--teacher {name}: {agent} learns without one; use --agent rsl_rl_distillation.")
        return None
    if name is None:
        raise UsageError(
            f"--agent {agent} needs --teacher RUN, a run of {task} by another agent; "
            f"'gaitway train --task {task} --agent rsl_rl_ppo' makes one."
        )
    run = find_run(name, root)
    if run.task != task:
        raise UsageError(f"--teacher {name}: is a run of {run.task}; a student of {task} needs one of {task}.")
    if learns_from_teacher(run.agent):
        raise UsageError(f"--teacher {name}: is a student itself ({run.agent}); name the run that it learned from.")
    if run.library != "rsl_rl":
        raise UsageError(f"--teacher {name}: was trained by {run.agent}; RSL-RL's distillation needs RSL-RL's teacher.")
    run.interface()  # refuses a run that was stopped before it began
    return run


def use_teacher(agent_cfg: Any, teacher_cfg: Any, teacher: str) -> None:
    """Give a distillation the network of its teacher.

    Args:
        agent_cfg: Recipe of the distillation; changed.
        teacher_cfg: Recipe of the teacher.
        teacher: Name of the teacher's run.

    Raises:
        UsageError: The teacher sees other groups of observations than a teacher is shown here.
    """
    sees, shown = list(teacher_cfg.obs_groups["actor"]), list(agent_cfg.obs_groups["teacher"])
    if sees != shown:
        raise UsageError(
            f"--teacher {teacher}: its policy sees the observations {', '.join(sees)}, and a teacher here is shown "
            f"{', '.join(shown)}; train a teacher on {', '.join(shown)}."
        )
    agent_cfg.teacher = teacher_cfg.actor


def check_same_view(teacher: dict[str, Any], here: dict[str, Any], groups: list[str], name: str) -> None:
    """Refuse a teacher whose observations or actions are not what the names of its task say today.

    Args:
        teacher: Interface of the teacher's run.
        here: Interface of the student's environment.
        groups: Groups of observations that the teacher sees.
        name: Name of the teacher's run.

    Raises:
        UsageError: They differ.
    """
    for group in groups:
        before, now = (
            [(term["name"], term["size"]) for term in interface["observations"].get(group, [])]
            for interface in (teacher, here)
        )
        if before != now:
            raise UsageError(
                f"--teacher {name}: its observations '{group}' are {_words(before)}; here they are {_words(now)}. "
                "Train the teacher anew."
            )
    for key in ("joint_names", "actions"):
        if teacher[key] != here[key]:
            raise UsageError(
                f"--teacher {name}: its {key.replace('_', ' ')} are not those of this robot; train it anew."
            )


def _words(terms: list[tuple[str, int]]) -> str:
    return ", ".join(f"{name} ({size})" for name, size in terms) or "not there"


def weights(checkpoint: Checkpoint, device: str) -> dict[str, Any]:
    """What RSL-RL's distillation loads of a teacher's checkpoint."""
    return {"actor_state_dict": checkpoint.load(device)["learner"]["actor_state_dict"]}
