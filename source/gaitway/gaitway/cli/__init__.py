"""The ``gaitway`` command.

This module only reads the command line; each command's work, and all that is slow to import, is in a module of its own.
"""

from __future__ import annotations

import os
import sys

import click

from gaitway import __version__
from gaitway.errors import BrokenError, UsageError
from gaitway_deploy.errors import DeployError

from .start_up import collector_paused, keep_bytecode, let_idle_threads_sleep

OVERRIDES = click.argument("overrides", nargs=-1, metavar="[physics=NAME] [env.KEY=VALUE] [agent.KEY=VALUE] ...")


def _json_option(function):
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")(function)


def _runs_option(function):
    return click.option("--runs", default="runs", show_default=True, help="Folder of all runs.")(function)


def _verbose_option(function):
    return click.option("--verbose", is_flag=True, help="Show what the simulator and the libraries print.")(function)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="gaitway")
def cli() -> None:
    """Robot skills from simulation to the robot, on Isaac Lab.

    'gaitway train' alone does the main job: it trains the quick default on whatever this machine has.
    """


@cli.command("list")
@_json_option
def list_command(as_json: bool) -> None:
    """Show the tasks, with robot, engines and agents."""
    from .info import list_tasks

    list_tasks(as_json)


@cli.command()
@_json_option
def doctor(as_json: bool) -> None:
    """Say what this machine can do, and what is missing."""
    from .info import examine

    examine(as_json)


@cli.command()
@click.option("--task", help="What to learn.  [default: Gaitway-Reach-Position-Franka]")
@click.option("--agent", help="Who learns, such as rsl_rl_ppo or skrl_ppo.  [default: the task's]")
@click.option("--num_envs", type=int, help="Parallel environments.  [default: what suits this machine]")
@click.option("--device", help="cpu, cuda or cuda:N, for simulation and agent.  [default: a GPU if there is one]")
@click.option("--seed", type=int, help="Seed of everything random.  [default: 42]")
@click.option("--iterations", "--max_iterations", type=int, help="Iterations in all, those of a resumed run included.")
@click.option("--minutes", type=float, help="Train for this long instead.")
@click.option("--checkpoint_seconds", type=float, default=20.0, show_default=True, help="Time between checkpoints.")
@click.option("--resume", metavar="RUN", help="Go on with a run: its folder, or 'latest'.")
@click.option("--teacher", metavar="RUN", help="Run of the teacher, for an agent that learns from one.")
@_runs_option
@_verbose_option
@_json_option
@OVERRIDES
def train(**options) -> None:
    """Train a task; with nothing said, the quick default."""
    from .train import train

    train(**options)


@cli.command()
@click.option("--run", help="Run folder, or 'latest'.")
@click.option("--pretrained", metavar="TASK", help="Judge the policy that ships for a task instead.")
@click.option("--episodes", type=int, default=100, show_default=True, help="Episodes to judge.")
@click.option("--num_envs", type=int, help="Parallel environments.  [default: one an episode, up to 256]")
@click.option("--device", help="cpu, cuda or cuda:N.  [default: a GPU if there is one]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the episodes.")
@_runs_option
@_verbose_option
@_json_option
@OVERRIDES
def evaluate(**options) -> None:
    """Judge a policy, of a run or as it ships, over whole episodes.

    Without noise and randomisation, unless they are asked for: presets=standard or presets=hard.
    """
    from .evaluate import evaluate

    evaluate(**options)


@cli.command()
@click.option("--task", help="The task.  [default: that of the policy]")
@click.option("--run", help="Run folder, or 'latest', whose policy acts and whose training is shown.")
@click.option("--pretrained", metavar="TASK", help="Have the policy act that ships for a task.")
@click.option("--actions", type=click.Choice(["random", "zero"]), help="What acts without a policy.  [default: random]")
@click.option("--episodes", type=int, default=32, show_default=True, help="Episodes to average over.")
@click.option("--num_envs", type=int, help="Parallel environments.  [default: one an episode, up to 256]")
@click.option("--device", help="cpu, cuda or cuda:N.  [default: a GPU if there is one]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the episodes.")
@click.option("--output", metavar="FILE.png", help="The picture.  [default: rewards.png in the run, or one here]")
@_runs_option
@_verbose_option
@_json_option
@OVERRIDES
def rewards(**options) -> None:
    """Show what each reward contributes, over an episode and over training.

    Warns of a term that is nearly all of the return, that is the same throughout or never there, and where success and
    return disagree. Random actions are uniform in -1 to 1.
    """
    from .rewards import rewards

    rewards(**options)


@cli.command()
@click.option("--run", help="Run folder, or 'latest'.")
@click.option("--pretrained", metavar="TASK", help="Watch the policy that ships for a task instead.")
@click.option("--replay", metavar="FILE", help="Show the recorded states of an environment that broke instead.")
@click.option("--task", help="Task to show a recording in.  [default: the one it was recorded in]")
@click.option("--speed", type=float, help="Speed of a recording, 1 being real time.  [default: 0.2]")
@click.option("--viewer", type=click.Choice(["newton", "viser", "rerun"]), help="Window, web page, or Rerun.")
@click.option("--video", metavar="FILE.mp4", help="Write a film instead; needs neither GPU nor display.")
@click.option("--seconds", type=float, help="How long.  [default: two episodes of film; a viewer, until Ctrl-C]")
@click.option("--num_envs", type=int, help="Parallel environments.  [default: 4]")
@click.option("--device", help="cpu, cuda or cuda:N.  [default: a GPU if there is one]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the episodes.")
@_runs_option
@_verbose_option
@_json_option
@OVERRIDES
def play(**options) -> None:
    """Watch a policy, of a run or as it ships, in a viewer or as a film.

    With --replay, look at a recording of an environment whose state became NaN or exploded; without --viewer and
    --video, it is only summed up.
    """
    from .play import play

    play(**options)


@cli.command()
@click.option("--run", help="Run folder, or 'latest'.")
@click.option("--pretrained", metavar="TASK", help="Export the policy that ships for a task instead.")
@click.option("--output", required=True, help="Bundle to write: a folder, or one file if it ends in .zip.")
@click.option("--episodes", type=int, help="Episodes to judge for the model card.  [default: 100]")
@_runs_option
@_verbose_option
@_json_option
def export(**options) -> None:
    """Write a policy, of a run or as it ships, as a bundle: all that a robot needs to run it.

    ONNX with the normaliser inside, a contract of names, orders, units and gains, the robot's URDF, vectors to test
    with, a model card and checksums. It is checked before it is left behind.
    """
    from .export import export

    export(**options)


@cli.command()
@click.argument("bundle")
@_json_option
def verify(**options) -> None:
    """Check a bundle: checksums, schema, contract against network and URDF, recorded answers."""
    from .bundle import verify

    verify(**options)


@cli.command()
@click.argument("path", metavar="BUNDLE|RECORDING")
@_json_option
def inspect(**options) -> None:
    """Show what a bundle asks of a robot, or what a flight recorder saw."""
    from .bundle import inspect

    inspect(**options)


@cli.command()
@click.option("--bundle", required=True, help="Bundle, as 'gaitway export' wrote it.")
@click.option("--episodes", type=int, default=100, show_default=True, help="Episodes in each engine.")
@click.option("--engines", default="newton,physx,mujoco", show_default=True, help="Engines, with commas between.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of commands and first states.")
@click.option("--output", help="Folder for table, picture and traces.  [default: transfer/NAME]")
@click.option("--card/--no-card", default=True, help="Write the table into the bundle's model card.")
@_verbose_option
@_json_option
def transfer(**options) -> None:
    """Run a bundle in three physics engines, through the robot's own runtime, and compare."""
    from .transfer import transfer

    transfer(**options)


@cli.command()
@click.option("--bundle", required=True, help="Bundle, as 'gaitway export' wrote it.")
@click.option("--engine", default="mujoco", show_default=True, help="Engine to run it in.")
@click.option("--episodes", type=int, help="Episodes at each point.  [default: 40]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of commands, first states and noise.")
@click.option("--output", help="Folder for table and pictures.  [default: robustness/NAME]")
@click.option("--quick", is_flag=True, help="Fewer points and episodes, for a first look.")
@click.option("--card/--no-card", default=True, help="Write the radii into the bundle's model card.")
@_verbose_option
@_json_option
def robustness(**options) -> None:
    """Measure how far friction, mass, strength, latency, noise, pushes and payload may stray before a policy fails."""
    from .robustness import robustness

    robustness(**options)


def main() -> None:
    """Run the command; wrong input ends with one line and exit status 2."""
    # RSL-RL imports GitPython, which refuses to load on machines without git.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    let_idle_threads_sleep()
    keep_bytecode()
    try:
        with collector_paused():
            status = cli(standalone_mode=False)
    except click.exceptions.Exit as stop:
        status = stop.exit_code
    except click.ClickException as error:
        _fail(error.format_message())
    except click.Abort:
        status = 130
    except (UsageError, DeployError) as error:
        _fail(str(error))
    except BrokenError as error:
        _fail(str(error), status=1)
    # The JSON is the last line of standard output: what engines say as they end goes beside it.
    if sys.__stdout__ is not None and sys.stdout is sys.__stdout__:
        sys.__stdout__.flush()
        os.dup2(2, 1)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int = 2) -> None:
    click.echo(f"Error: {message}", err=True)
    sys.exit(status)
