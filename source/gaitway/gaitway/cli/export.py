"""``gaitway export``."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from gaitway import __version__
from gaitway.errors import UsageError

from .session import reporting, resolve_configs
from .terminal import print_json


def export(*, run: str, output: str, runs: str, as_json: bool) -> None:
    """Export a run's policy; the options are those of the command."""
    target = Path(output)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"--output {output}: exists and is not an empty folder; name another or remove it.")

    from gaitway.runs import find_run
    from gaitway.tasks import find_task

    opened = find_run(run, Path(runs))
    interface = opened.interface()
    info = find_task(opened.task)
    _, agent_cfg = resolve_configs(info.id, info.recipe_key(opened.agent), opened.options["overrides"])
    with reporting(opened.path / "export_log.txt", as_json=as_json) as console:
        from gaitway.export import export_onnx
        from gaitway.runs.files import write_json

        from .evaluate import newest_policy

        checkpoint, policy = newest_policy(opened, agent_cfg, "cpu", console.print)
        about = {
            "gaitway.version": __version__,
            "gaitway.task": opened.task,
            "gaitway.agent": opened.agent,
            "gaitway.step": str(checkpoint.step),
        }
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        try:
            scratch.chmod(0o755)
            obs = checkpoint.load("cpu")["observations"]
            difference = export_onnx(policy, obs, interface, scratch / "policy.onnx", about)
            write_json(scratch / "interface.json", {"task": opened.task, "agent": opened.agent, **interface})
            if target.exists():
                target.rmdir()
            scratch.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        onnx = target / "policy.onnx"
        console.print(f"Wrote {onnx} ({onnx.stat().st_size / 1024:.0f} KiB), the normaliser inside.")
        console.print(f"It differs from the trained policy by at most {difference:.1e} over {len(obs):,} observations.")
        console.print(f"Names, orders, gains and rates are in {target / 'interface.json'}.")
    if as_json:
        print_json(
            {
                "run": str(opened.path),
                "task": opened.task,
                "agent": opened.agent,
                "step": checkpoint.step,
                "onnx": str(onnx),
                "interface": str(target / "interface.json"),
                "max_abs_diff": difference,
            }
        )
