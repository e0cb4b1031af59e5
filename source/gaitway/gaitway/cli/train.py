"""``gaitway train``."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitway.errors import UsageError

from .session import check_count, check_memory, keep_broken_states, pick_device, reporting, resolve_configs, simulation
from .start_up import collector_paused
from .terminal import print_json, show

if TYPE_CHECKING:
    from gaitway.runs import Run
    from gaitway.runs.learner import Iteration, Learner
    from gaitway.tasks import TaskInfo

DEFAULT_TASK = "Gaitway-Reach-Position-Franka"
DEFAULT_SEED = 42
OBSERVATIONS = 1000
"""Observations kept in a checkpoint, on which an exported policy is compared with the trained one."""


def train(
    *,
    task: str | None,
    agent: str | None,
    num_envs: int | None,
    device: str | None,
    seed: int | None,
    iterations: int | None,
    minutes: float | None,
    checkpoint_seconds: float,
    resume: str | None,
    teacher: str | None,
    runs: str,
    verbose: bool,
    as_json: bool,
    overrides: tuple[str, ...],
) -> None:
    """Train a task, or go on with a run; the options are those of the command."""
    if iterations is not None and minutes is not None:
        raise UsageError("--iterations and --minutes exclude each other; give one of them.")
    check_count("--num_envs", num_envs, 1)
    check_count("--iterations", iterations, 1)
    check_count("--minutes", minutes, 0.01)
    check_count("--checkpoint_seconds", checkpoint_seconds, 0)

    from gaitway.runs import Run, find_run
    from gaitway.runs.teacher import find_teacher
    from gaitway.tasks import find_task

    root = Path(runs)
    teacher_run = None
    if resume is not None:
        given = {"--task": task, "--agent": agent, "--num_envs": num_envs, "--seed": seed, "--teacher": teacher}
        for option, value in given.items():
            if value is not None:
                raise UsageError(
                    f"--resume goes on with the run's own {option[2:]}; leave {option} out, or train anew."
                )
        run = find_run(resume, root)
        info = find_task(run.task)
        agent = run.agent
        options = _resumed_options(run, iterations, minutes, device, overrides)
    else:
        info = find_task(task or DEFAULT_TASK)
        device = pick_device(device)
        agent = agent or info.default_agent(device)
        info.recipe_key(agent)  # refuses an agent that the task does not have
        teacher_run = find_teacher(teacher, root, info.name, agent)
        scale = info.scale(device, agent)
        options = {
            "num_envs": num_envs or scale.num_envs,
            "device": device,
            "seed": DEFAULT_SEED if seed is None else seed,
            "iterations": None if minutes else iterations or scale.iterations,
            "minutes": minutes,
            "overrides": list(overrides),
            "teacher": teacher_run and _teacher_options(teacher_run),
        }
    check_memory(options["num_envs"], options["device"])
    # Wrong overrides are found before anything is written.
    key = info.recipe_key(agent)
    env_cfg, agent_cfg = resolve_configs(info.id, key, options["overrides"])
    if options.get("teacher"):
        _use_teacher(info, agent_cfg, options["teacher"])
    if resume is None:
        run = Run.create(root, task=info.name, agent=agent, options=options)
    env_cfg.scene.num_envs = options["num_envs"]
    env_cfg.sim.device = options["device"]
    env_cfg.seed = options["seed"]
    env_cfg.log_dir = str(run.path)
    keep_broken_states(env_cfg, info.name, run.path / "broken_states")
    if isinstance(agent_cfg, dict):
        agent_cfg["seed"] = options["seed"]
    else:
        agent_cfg.seed, agent_cfg.device = options["seed"], options["device"]

    log = None if verbose else run.path / "log.txt"
    with reporting(log, as_json=as_json) as console:
        session = _Session(run, info, options, console, checkpoint_seconds, teacher_run)
        session.announce()
        with _stop_signals(session), simulation(info.id, env_cfg) as env:
            session.train(env, env_cfg, agent_cfg)
        result = session.finish()
    if as_json:
        print_json(result)
    elif result["status"] == "interrupted":
        show(f"Go on with: gaitway train --resume {run.path}", as_json=as_json)


def _resumed_options(
    run: Run, iterations: int | None, minutes: float | None, device: str | None, overrides: tuple[str, ...]
) -> dict[str, Any]:
    options = dict(run.options)
    if overrides:
        raise UsageError("--resume goes on with the run's own overrides; leave them out, or train anew.")
    if iterations is not None or minutes is not None:
        options |= {"iterations": iterations, "minutes": minutes}
    options["device"] = pick_device(device or (options["device"] if options["device"] == "cpu" else None))
    return options


def _teacher_options(teacher: Run) -> dict[str, Any]:
    """What a student remembers of its teacher: enough to build its network. The weights are in its own checkpoints."""
    return {"run": str(teacher.path), "agent": teacher.agent, "overrides": teacher.options["overrides"]}


def _use_teacher(info: TaskInfo, agent_cfg: Any, teacher: dict[str, Any]) -> None:
    from gaitway.runs.teacher import use_teacher

    _, teacher_cfg = resolve_configs(info.id, info.recipe_key(teacher["agent"]), teacher["overrides"])
    use_teacher(agent_cfg, teacher_cfg, teacher["run"])


class _Session:
    """One call of ``gaitway train``: progress on the terminal, metrics and checkpoints in the run."""

    def __init__(
        self,
        run: Run,
        info: TaskInfo,
        options: dict[str, Any],
        console: Any,
        checkpoint_seconds: float,
        teacher: Run | None = None,
    ):
        self.teacher = teacher
        self.run, self.info, self.options, self.console = run, info, options, console
        self.checkpoint_seconds = checkpoint_seconds
        self.iteration = self.step = 0
        self.seconds_before = 0.0
        self.interrupted = False
        self.memory = 0
        self.last: Iteration | None = None

    def announce(self) -> None:
        from gaitway.runs.run import machine

        place = machine()
        where = place["gpu"] if self.options["device"] != "cpu" else f"{place['cpu_cores']} CPU cores"
        minutes = self.options["minutes"]
        length = f"{minutes:g} minutes" if minutes else f"{self.options['iterations']} iterations"
        self.console.print(f"{self.info.id}: {self.info.summary}")
        self.console.print(
            f"Training {self.run.agent} for {length} in {self.options['num_envs']} environments on {where}."
        )
        self.console.print(f"Run: {self.run.path}")
        self.console.print("Starting the simulator (up to a minute the first time) ...")

    def train(self, env: Any, env_cfg: Any, agent_cfg: Any) -> None:
        from gaitway.runs.checkpoints import set_random_state
        from gaitway.runs.interface import describe_interface
        from gaitway.runs.learner import make_learner

        self.run.save_configs(env_cfg, agent_cfg)
        interface = describe_interface(env.unwrapped)
        self.run.save_interface(interface)
        self.run.save_manifest(status="running", options=self.options)
        with collector_paused():  # the learning library is loaded here
            self.learner: Learner = make_learner(self.run.library, env, agent_cfg)
        if self.teacher is not None:
            self._take_teacher(self.teacher, agent_cfg.obs_groups["teacher"], interface)
        for note in self.learner.notes:
            self.console.print(note)
        try:
            checkpoint = self.run.checkpoints.newest(warn=self.console.print)
        except UsageError:
            self.run.rewind_metrics(0)
            self._checkpoint()
        else:
            state = checkpoint.load(self.options["device"])
            self.learner.restore(state["learner"], checkpoint.iteration)
            set_random_state(state["random"])
            self.iteration, self.step = checkpoint.iteration, checkpoint.step
            self.seconds_before = checkpoint.seconds
            self.run.rewind_metrics(checkpoint.iteration)
            self.console.print(f"Going on after iteration {self.iteration} ({self.step:,} steps).")
        if self._is_done():
            raise UsageError(
                f"{self.run.path} is finished ({self.iteration} iterations, {self.seconds_before / 60:.1f} minutes); "
                "give more --iterations or --minutes to go on."
            )

        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(self.run.path / "tensorboard"), purge_step=self.iteration)
        self.started = self.checkpointed = self.shown = time.monotonic()
        self.step_started = self.step
        with self._progress_bar():
            if not self.interrupted:
                self.learner.learn(self._on_iteration)
        self.memory = _memory_used(self.options["device"])
        self._checkpoint()
        self.writer.close()

    def _take_teacher(self, teacher: Run, groups: list[str], interface: dict[str, Any]) -> None:
        from gaitway.runs.teacher import check_same_view, weights

        check_same_view(teacher.interface(), interface, groups, str(teacher.path))
        checkpoint = teacher.checkpoints.newest(warn=self.console.print)
        self.learner.take_teacher(weights(checkpoint, self.options["device"]))  # type: ignore[attr-defined]
        self.options["teacher"]["step"] = checkpoint.step
        self.run.save_manifest(options=self.options)
        self.console.print(f"Teacher: {teacher.path} ({teacher.agent}) after {checkpoint.step:,} steps.")

    @property
    def seconds(self) -> float:
        """Seconds spent training, in all sessions of the run."""
        return self.seconds_before + time.monotonic() - self.started

    def _is_done(self) -> bool:
        if self.options["minutes"]:
            spent = self.seconds if hasattr(self, "started") else self.seconds_before
            return spent >= 60 * self.options["minutes"]
        return self.iteration >= self.options["iterations"]

    def _on_iteration(self, iteration: Iteration) -> None:
        from gaitway.runs.learner import StopTraining

        now = time.monotonic()
        self.last = iteration
        self.iteration = iteration.number
        self.step += self.learner.steps_per_iteration
        stats = iteration.episodes
        row = {
            "iteration": self.iteration,
            "step": self.step,
            "seconds": round(self.seconds, 3),
            "steps_per_second": round((self.step - self.step_started) / (now - self.started), 1),
            "return_mean": stats.return_mean,
            "success_rate": stats.success_rate,
            "length_mean": stats.length_mean,
            **iteration.losses,
            **stats.terms,
        }
        self.run.append_metrics(row)
        for name, value in row.items():
            if name not in ("iteration", "step"):
                self.writer.add_scalar(name if "/" in name else f"Train/{name}", value, self.iteration)
        self._show(row)
        if self.interrupted or self._is_done():
            raise StopTraining
        if now - self.checkpointed > self.checkpoint_seconds:
            self._checkpoint()

    def _checkpoint(self) -> None:
        from gaitway.runs.checkpoints import random_state

        self.run.checkpoints.write(
            {
                "learner": self.learner.state(),
                "random": random_state(),
                "observations": self.learner.observations(OBSERVATIONS),
            },
            step=self.step,
            iteration=self.iteration,
            seconds=self.seconds if hasattr(self, "started") else self.seconds_before,
        )
        self.checkpointed = time.monotonic()

    def _progress_bar(self) -> Any:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("{task.percentage:>3.0f}%"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        total = 60 * self.options["minutes"] if self.options["minutes"] else self.options["iterations"]
        self.done_started = self.seconds_before if self.options["minutes"] else self.iteration
        self.bar_task = self.bar.add_task("", total=total, figures="")
        self.bar.update(self.bar_task, completed=self.done_started)
        return self.bar

    def _show(self, row: dict[str, float]) -> None:
        figures = (
            f"return {row['return_mean']:7.2f}  success {100 * row['success_rate']:5.1f} %  "
            f"{row['steps_per_second']:,.0f} steps/s"
        )
        done = row["seconds"] if self.options["minutes"] else row["iteration"]
        self.bar.update(self.bar_task, completed=done, figures=figures)
        if not self.console.is_terminal and time.monotonic() - self.shown > 15.0:
            self.shown = time.monotonic()
            total = self.bar.tasks[0].total or 1
            rate = (done - self.done_started) / (self.shown - self.started)
            left = f"{(total - done) / rate / 60:.1f} min left" if rate > 0 else ""
            self.console.print(f"{100 * done / total:3.0f} %  {row['seconds'] / 60:4.1f} min  {left}  {figures}")

    def finish(self) -> dict[str, Any]:
        """Write the report; return the result of the command."""
        from gaitway.runs.report import write_curves

        status = "interrupted" if self.interrupted else "finished"
        self.run.save_manifest(status=status, iterations=self.iteration, steps=self.step)
        curves = write_curves(self.run)
        stats = self.last.episodes if self.last else None
        seconds = self.run.checkpoints.newest(warn=self.console.print).seconds
        result = {
            "run": str(self.run.path),
            "task": self.run.task,
            "agent": self.run.agent,
            "status": status,
            "iterations": self.iteration,
            "steps": self.step,
            "seconds": round(seconds, 1),
            "steps_per_second": round(self.step / max(seconds, 1e-9), 1),
            "success_rate": stats.success_rate if stats else None,
            "return_mean": stats.return_mean if stats else None,
            "memory_gb": round(self.memory / 1e9, 2),
        }
        known = stats is not None and stats.episodes > 0
        success = (
            f"{100 * stats.success_rate:.1f} %"
            if stats is not None and known
            else "not known yet (no whole episode ended)"
        )
        self.console.print(
            f"{status.capitalize()}: {self.step:,} steps in {seconds / 60:.1f} minutes, "
            f"success {success}, with noise and randomisation."
        )
        self.console.print(f"Curves:  {curves}")
        self.console.print(f"Judge:   gaitway evaluate --run {self.run.path} --episodes 100")
        self.console.print(f"Watch:   gaitway play --run {self.run.path} --video play.mp4")
        self.console.print(f"Export:  gaitway export --run {self.run.path} --output exported")
        return result


def _memory_used(device: str) -> int:
    """What the process has taken at most, or what is taken of a GPU. Unit: bytes."""
    if device.startswith("cuda"):
        import torch

        free, total = torch.cuda.mem_get_info(device)
        return total - free
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class _stop_signals:
    """Ctrl-C and SIGTERM end a session as soon as there is a checkpoint; a second Ctrl-C at once."""

    def __init__(self, session: _Session):
        self.session = session

    def __enter__(self) -> None:
        self.previous = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def _stop(self, number: int, _frame: object) -> None:
        if self.session.interrupted and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.session.interrupted = True
        self.session.console.print("Stopping as soon as there is a checkpoint; Ctrl-C again stops at once.")

    def __exit__(self, *_exc: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)
