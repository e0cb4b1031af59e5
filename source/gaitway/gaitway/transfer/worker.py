"""One engine, in a process of its own: ``python -m gaitway.transfer.worker``, started by :mod:`.engines`.

Standard output carries one JSON object a line, on how far it is; what libraries print goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gaitway.errors import UsageError
from gaitway_deploy.bundle import Bundle
from gaitway_deploy.errors import DeployError

from .engines import PRESETS
from .schedule import Schedule
from .stage import play
from .traces import Traces

REPORTS = 10
"""Times that progress is told of."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the episodes of a schedule in one engine, and leave traces."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--engine", choices=list(PRESETS), required=True)
    parser.add_argument("--schedule", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--jobs", type=Path, help="Conditions to run under, instead of leaving traces.")
    parser.add_argument("--no-safety", action="store_true", help="Switch the safety rules off.")
    args = parser.parse_args(arguments)
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**message: Any) -> None:
        print(json.dumps(message), file=channel, flush=True)

    try:
        schedule = Schedule.load(args.schedule)
        if args.jobs is None:
            run(args.bundle, args.engine, schedule, tell, safety=not args.no_safety).save(args.output)
        else:
            from .sweep import run_jobs

            jobs = json.loads(args.jobs.read_text(encoding="utf-8"))
            results = run_jobs(args.bundle, args.engine, schedule, jobs, tell)
            args.output.write_text(json.dumps(results), encoding="utf-8")
    except (UsageError, DeployError) as error:
        tell(error=str(error))
        return 2
    except Exception as error:
        traceback.print_exc()
        tell(error=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        return 1
    return 0


def run(path: Path, engine: str, schedule: Schedule, tell: Callable[..., None], *, safety: bool = True) -> Traces:
    """Run the episodes.

    Args:
        path: The bundle.
        engine: Where.
        schedule: What happens in them.
        tell: Called with ``step``, ``steps``, ``episodes`` and ``seconds`` now and then.
        safety: Whether the safety rules are on.
    """
    bundle = Bundle.open(path)
    begin = time.monotonic()

    def progress(step: int, steps: int) -> None:
        if step % max(steps // REPORTS, 1) == 0 or step == steps:
            tell(step=step, steps=steps, episodes=schedule.num_episodes, seconds=time.monotonic() - begin)

    physics = PRESETS[engine]
    if physics is None:
        from .plain_mujoco import run_plain

        return run_plain(bundle, schedule, progress, safety=safety)
    from .isaac_lab import IsaacLabStage, open_environment

    with open_environment(bundle.contract, physics, schedule.num_episodes) as env:
        stage = IsaacLabStage(env, bundle.contract)
        begin = time.monotonic()
        traces = play(bundle, stage, schedule, engine=engine, safety=safety, progress=progress)
        traces.wall_s = time.monotonic() - begin
        return traces


if __name__ == "__main__":
    sys.exit(main())
