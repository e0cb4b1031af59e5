"""How long rewards take: every reward of every task at 4,096 environments, and the table of them in docs/rewards.md.

    python benchmarks/rewards.py [--device cpu|cuda:0] [--num_envs 4096] [--check]

A term is computed on the numbers of its case in ``tests/mdp`` (rows repeated), in a stand-in of an environment that
holds its tensors and nothing else: what is timed is the term, not what a simulator does to refresh its data. Bodies and
joints are as many as in the case, a few, so that figures are of launching operations more than of the work in them;
4,096 environments of a dozen joints still are a small load for either device. Terms that have no case are listed
without a time. The median of many calls; one thread on the CPU, each call awaited on a GPU.

Times of one device are written beside those of the other, with the machine and the number of environments.
"""

from __future__ import annotations

import argparse
import inspect
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/rewards.md"
BEGIN, END = "<!-- rewards -->", "<!-- /rewards -->"


def used_rewards() -> dict[Any, list[str]]:
    """Rewards by function, and the tasks that use them."""
    from isaaclab_tasks.utils.parse_cfg import load_cfg_from_registry

    from gaitway.tasks import task_ids

    used: dict[Any, list[str]] = {}
    for task in task_ids():
        cfg = load_cfg_from_registry(task, "env_cfg_entry_point")
        for term in vars(cfg.rewards).values():
            if hasattr(term, "weight"):
                used.setdefault(term.func, []).append(task)
    return used


def time_term(case: Any, fake_env: Callable[..., Any], num_envs: int, device: str) -> float:
    """Median time of a call. Unit: us."""
    import torch
    from tests.mdp.case import prepare

    rows = [i % len(case.expected) for i in range(num_envs)]
    env, term, params = prepare(case, fake_env, rows, device)
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    times = []
    with torch.inference_mode():
        for _ in range(220):
            wait()
            begin = time.perf_counter()
            term(env, **params)
            wait()
            times.append(time.perf_counter() - begin)
    return 1e6 * statistics.median(times[20:])


def machine(device: str) -> str:
    """What a figure was measured on."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    model = (
        re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else None
    )
    return f"{model[1] if model else platform.processor()}, one thread"


def old_times(page: str) -> dict[str, tuple[str, str]]:
    """Times on the page, on the CPU and on a GPU, by name of the term."""
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \| ([^|]*) \|$", page, flags=re.MULTILINE)
    return {name: (cpu.strip(), gpu.strip()) for name, cpu, gpu in rows}


def main() -> None:
    """Time the terms and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--num_envs", type=int, default=4096)
    parser.add_argument("--check", action="store_true", help="Only say whether all rewards of tasks are on the page.")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    import torch
    from tests.conftest import _fake_env
    from tests.mdp.test_rewards import REWARDS

    from gaitway.mdp import rewards as library
    from gaitway.mdp.rewards import GROUPS, describe

    torch.set_num_threads(1)
    page = PAGE.read_text()
    used = used_rewards()
    ours = [getattr(library, name) for name in library.__all__]
    terms = dict.fromkeys([*used, *(term for term in ours if inspect.isclass(term) or inspect.isfunction(term))])
    for other in (library.describe, library.set_discount, library.Description):
        terms.pop(other, None)
    old = old_times(page)
    if options.check:
        missing = sorted({term.__name__ for term in terms} - set(old))
        sys.exit(f"Not on the page: {', '.join(missing)}. Run benchmarks/rewards.py." if missing else 0)
    cases = {}
    for case in REWARDS:
        cases.setdefault(case.term, case)
    gpu = options.device.startswith("cuda")
    lines = []
    for term in sorted(terms, key=lambda term: (*_place(describe(term), GROUPS), term.__name__)):
        said, case = describe(term), cases.get(term)
        times = list(old.get(term.__name__, ("", "")))
        if case is not None:
            times[gpu] = f"{time_term(case, _fake_env, options.num_envs, options.device):.0f}"
        count = len(used.get(term, []))
        words = [said.group, said.summary, said.unit, said.range, said.source]
        words = [word.replace("|", "\\|").replace("``", "`") for word in words]
        lines.append(f"| {' | '.join([f'`{term.__name__}`', *words, str(count), *times])} |")
        print(f"{term.__name__:40} {times[gpu]:>8} us")
    where = dict(re.findall(r"^- (CPU|GPU): (.*)$", page, flags=re.MULTILINE))
    where["GPU" if gpu else "CPU"] = f"{machine(options.device)}, {options.num_envs:,} environments"
    where.setdefault("GPU", "not measured yet")
    text = "\n".join(
        [
            BEGIN,
            *(f"- {name}: {where[name]}" for name in ("CPU", "GPU") if name in where),
            "",
            "| Term | For | What it is | Unit | Range | From | Tasks | CPU (µs) | GPU (µs) |",
            "|---|---|---|---|---|---|---|---|---|",
            *lines,
            END,
        ]
    )
    PAGE.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: text, page, flags=re.DOTALL))


def _place(said: Any, groups: tuple[str, ...]) -> tuple[int]:
    return (groups.index(said.group) if said.group in groups else len(groups),)


if __name__ == "__main__":
    main()
