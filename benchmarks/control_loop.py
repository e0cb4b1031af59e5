"""How quick the robot's side is: a control step, the loop's punctuality, its memory, and its size on disk.

    uv run python benchmarks/control_loop.py --json control_loop.json --output control_loop.png

The policy is a Go2's with three layers of 256, its weights random. Four parts, each in a process of its own:

- ``step``: a control step, which is to read, check, observe, infer, decode, limit and write, by ``Runtime.step`` with
  all rules of safety on. Beside it the same network alone, from array to array: bare onnxruntime, torch (eager) and
  TorchScript (frozen). All on one core, each with one thread, in turns of some hundred calls; each call is timed. The
  robot is a list of states, so that its driver costs nothing. What the networks answer is compared first.
- ``loop``: ``Runtime.run`` in real time at ``--rate``, the policy asked in every period. How late the periods begin is
  drawn as a histogram. Between them the caches cool, so steps take longer here than in ``step``.
- ``memory``: resident memory of a process that imports ``gaitway_deploy`` and nothing else, and runs a bundle.
- ``install`` (with ``--install-size``): what ``pip install source/gaitway_deploy`` puts into a fresh environment.

Let nothing else run meanwhile: neighbours show in ``p99`` and in the histogram.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("step", "loop", "memory")
HIDDEN = (256, 256, 256)
TURN = 500
"""Calls of one side before it is the next one's turn."""
WARMUP = 1000
"""Calls of each side that do not count."""


# -- a bundle and a robot -----------------------------------------------------------------------------


def write_bundle(path: Path, control_dt: float) -> None:
    """Write a bundle with a random network of ``HIDDEN``: that of the tests, at another rate."""
    sys.path.insert(0, str(ROOT / "tests" / "deploy"))
    import sample

    from gaitway_deploy.bundle import write_bundle

    contract = sample.go2_contract()
    contract["timing"] = {"control_dt": control_dt, "physics_dt": control_dt, "decimation": 1}
    write_bundle(sample.bundle_files(contract, sample.GO2, hidden=HIDDEN), path)


class Clock:
    """A clock that goes on by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep_until(self, time: float) -> None:
        self.time = time


class ListedRobot:
    """Says one state of a list after the other, to its end and back again: there is no jump in what it says."""

    def __init__(self, states: list[Any], clock: Any):
        self._states = [*states, *states[-2:0:-1]]
        self._row = 0
        self.clock = clock
        self.command: Any = None

    def read(self) -> Any:
        state = self._states[self._row % len(self._states)]
        self._row += 1
        state.time = self.clock.now()
        return state

    def write(self, command: Any) -> None:
        self.command = command


def states_of(bundle: Any) -> list[Any]:
    """The states of a bundle's recorded episode."""
    episode = bundle.episode()
    return [episode.state(row) for row in range(len(episode))]


# -- the step -----------------------------------------------------------------------------------------


def measure_step(args: argparse.Namespace) -> dict[str, Any]:
    """Time a control step, its parts, and the network alone."""
    os.sched_setaffinity(0, {args.core if args.core is not None else max(os.sched_getaffinity(0))})
    calls = {name: call for side in (robot_side, network_side) for name, call in side(args.bundle)}
    taken = take_turns(calls, args.steps)
    medians = {name: percentiles(times)["median_us"] for name, times in taken.items()}
    network = medians["onnxruntime"]
    result: dict[str, Any] = {
        name: {**percentiles(times), "times_onnxruntime": medians[name] / network} for name, times in taken.items()
    }
    parts = ("observation", "network", "decoding")
    result["parts_us"] = {name: medians[name] for name in parts}
    result["parts_us"]["safety and loop"] = medians["control step"] - sum(medians[name] for name in parts)
    result["calls"] = args.steps
    return result


def robot_side(path: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The control step, with and without a flight recorder, and its parts."""
    from gaitway_deploy.actions import ActionDecoder
    from gaitway_deploy.observations import ObservationBuilder
    from gaitway_deploy.policy import Policy
    from gaitway_deploy.recorder import FlightRecorder
    from gaitway_deploy.runtime import Runtime
    from gaitway_deploy.safety import SafetyCfg

    policy = Policy.load(path)
    contract, states = policy.contract, states_of(policy.bundle)

    def stepper(recorder: Any) -> Callable[[], Any]:
        clock = Clock()
        robot = ListedRobot(states, clock)
        # At once where the policy acts; the rules are all on.
        runtime = Runtime(policy, robot, SafetyCfg(soft_start_s=None), recorder=recorder)
        runtime.start()

        def step() -> None:
            clock.time += contract.control_dt
            if runtime.step().mode != "policy":
                raise RuntimeError(f"A rule stopped the robot that is measured: {runtime.stop}")

        return step

    yield "control step", stepper(None)
    scratch = tempfile.TemporaryDirectory()
    recorder = FlightRecorder(contract, Path(scratch.name) / "flight.npz")
    recorder.scratch = scratch  # it lives as long as the recorder
    yield "with recorder", stepper(recorder)

    builder, decoder, state = ObservationBuilder(contract), ActionDecoder(contract), states[0]
    values = policy.bundle.episode().commands_at(0)
    obs = builder.build(state, values)
    actions, memory = policy(obs, policy.initial_state())
    yield "observation", lambda: builder.build(state, values)
    yield "network", lambda: policy(obs, memory)
    yield "decoding", lambda: decoder.command(decoder.decode(actions))


def network_side(path: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The network alone: one observation in, one action out, both arrays of NumPy.

    Raises:
        RuntimeError: They do not answer alike.
    """
    import numpy as np
    import onnxruntime
    import torch

    torch.set_num_threads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    file = str(path / "policy.onnx")
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    with np.load(path / "selftest.npz", allow_pickle=False) as selftest:
        obs = selftest["obs"][:1].copy()
        wanted = selftest["actions"][:1]
    eager = torch_network(file)
    script = torch.jit.freeze(torch.jit.trace(eager, torch.from_numpy(obs)))

    def by_torch(network: Any) -> Callable[[], Any]:
        def call() -> Any:
            with torch.inference_mode():
                return network(torch.from_numpy(obs)).numpy()

        return call

    calls = {
        "onnxruntime": lambda: session.run(["actions"], {"obs": obs})[0],
        "torch": by_torch(eager),
        "torchscript": by_torch(script),
    }
    for name, call in calls.items():
        off = float(np.abs(call() - wanted).max())
        if off > 1e-5:
            raise RuntimeError(f"{name} answers otherwise than the bundle's self-test, by {off:.1e}.")
        yield name, call


def torch_network(file: str) -> Any:
    """The network of an ONNX file of linear layers and ELUs, as a torch module."""
    import onnx
    import torch
    from onnx import numpy_helper

    graph = onnx.load(file).graph
    weights = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
    layers: list[Any] = []
    for node in graph.node:
        if node.op_type == "Gemm":
            weight, bias = (weights[name] for name in node.input[1:])
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
            layer.load_state_dict({"weight": weight, "bias": bias})
            layers.append(layer)
        elif node.op_type == "Elu":
            layers.append(torch.nn.ELU())
        else:
            raise RuntimeError(f"{file}: there is a {node.op_type} in it; only linear layers and ELUs can be compared.")
    return torch.nn.Sequential(*layers).eval()


def take_turns(calls: dict[str, Callable[[], Any]], number: int) -> dict[str, list[int]]:
    """Call each so often, in turns; how long each call took. Unit: ns."""
    for call in calls.values():
        for _ in range(WARMUP):
            call()
    taken: dict[str, list[int]] = {name: [] for name in calls}
    now = time.perf_counter_ns
    gc.collect()
    gc.disable()
    while any(len(times) < number for times in taken.values()):
        for name, call in calls.items():
            times = taken[name]
            for _ in range(min(TURN, number - len(times))):
                begin = now()
                call()
                times.append(now() - begin)
    gc.enable()
    return taken


def percentiles(times: list[int]) -> dict[str, float]:
    """Of times in ns. Unit: µs."""
    ordered = sorted(times)
    at = {"median_us": 0.5, "p99_us": 0.99, "p999_us": 0.999, "max_us": 1.0}
    return {name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1e3 for name, share in at.items()}


# -- the loop -----------------------------------------------------------------------------------------


def measure_loop(args: argparse.Namespace) -> dict[str, Any]:
    """Run in real time, and keep how late each period began.

    All rules but the one about deadlines are on: that one would end the measurement where it is to be told how often.
    """
    from gaitway_deploy.policy import Policy
    from gaitway_deploy.runtime import Runtime
    from gaitway_deploy.safety import SafetyCfg
    from gaitway_deploy.state import WallClock

    policy = Policy.load(args.bundle)
    robot = ListedRobot(states_of(policy.bundle), WallClock())
    runtime = Runtime(policy, robot, SafetyCfg(soft_start_s=None, deadline_s=None))
    busy = time.process_time()
    report = runtime.run(args.seconds, damp_s=0.0)
    return {
        "rate_hz": 1.0 / policy.contract.control_dt,
        "periods": report.periods,
        "steps": report.steps,
        "seconds": report.seconds,
        "cores": (time.process_time() - busy) / report.seconds,
        "stopped_by": None if report.stop is None else f"{report.stop.rule}: {report.stop.cause}",
        "over_deadline": int((report.lateness > (SafetyCfg().deadline_s or 0.0)).sum()),
        "lateness_ms": report.lateness_ms,
        "step_ms": report.step_ms,
        "lateness_us": [round(1e6 * float(late), 1) for late in report.lateness],
    }


def draw(loop: dict[str, Any], path: Path) -> None:
    """Draw how late the periods of the loop began."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    from matplotlib import pyplot as plt

    late = np.maximum(loop["lateness_us"], 0.1)
    figure, axes = plt.subplots(figsize=(7.0, 4.0), layout="constrained")
    axes.hist(late, bins=np.geomspace(late.min(), 1.01 * late.max(), 80))
    for share, style in ((50, "-"), (99, "--"), (99.9, ":")):
        value = float(np.percentile(late, share))
        axes.axvline(value, color="black", linewidth=1.0, linestyle=style, label=f"{share:g} % within {value:.0f} µs")
    axes.legend()
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("a period begins late by / µs")
    axes.set_ylabel("periods")
    axes.set_title(f"Loop at {loop['rate_hz']:.0f} Hz over {loop['seconds']:.0f} s, {loop['periods']} periods")
    figure.savefig(path, dpi=110)


# -- memory and size ----------------------------------------------------------------------------------


def measure_memory(args: argparse.Namespace) -> dict[str, Any]:
    """Resident memory as the robot's side is loaded and runs. Unit: MB."""
    found = {"python": resident()}
    import numpy  # noqa: F401

    found["and numpy"] = resident()
    import onnxruntime  # noqa: F401

    found["and onnxruntime"] = resident()
    from gaitway_deploy.drivers.replay import ReplayRobot
    from gaitway_deploy.policy import Policy
    from gaitway_deploy.runtime import Runtime

    found["and gaitway_deploy"] = resident()
    policy = Policy.load(args.bundle)
    report = Runtime(policy, ReplayRobot(policy.bundle)).run()
    found["running a bundle"] = resident()
    return {"resident_mb": found, "steps": report.steps, "modules": len(sys.modules)}


def resident() -> float:
    """Resident memory of this process. Unit: MB."""
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1e3


def measure_install() -> dict[str, Any]:
    """Install into a fresh environment, and weigh what came. Unit: MB."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
        packages = Path(
            subprocess.run([python, "-c", purelib], check=True, capture_output=True, text=True).stdout.strip()
        )
        before = {entry.name for entry in packages.iterdir()}
        install = [python, "-m", "pip", "install", "--quiet", str(ROOT / "source" / "gaitway_deploy")]
        subprocess.run(install, check=True, stdout=sys.stderr)
        sizes = {entry.name: weigh(entry) for entry in packages.iterdir() if entry.name not in before}
    largest = sorted(sizes.items(), key=lambda item: -item[1])
    return {
        "total_mb": sum(sizes.values()),
        "gaitway_deploy_mb": sizes["gaitway_deploy"],
        "by_folder_mb": {name: size for name, size in largest if size >= 0.1},
    }


def weigh(path: Path) -> float:
    """What a file, or a folder with all in it, takes. Unit: MB."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


# -- all ----------------------------------------------------------------------------------------------


def run_part(part: str, bundle: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Measure a part in a process of its own."""
    words = ["--part", part, "--bundle", bundle, "--seconds", args.seconds, "--steps", args.steps]
    if args.core is not None:
        words += ["--core", args.core]
    # As on a robot: no idle threads of torch's that wait by spinning.
    env = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, str(Path(__file__).resolve()), *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=env)
    if done.returncode != 0:
        sys.exit(f"The part {part} ended with status {done.returncode}.")
    return json.loads(done.stdout.splitlines()[-1])


def show_step(step: dict[str, Any]) -> None:
    """Print the times of a control step."""
    print(f"{'on one core, µs':<18}{'median':>9}{'p99':>9}{'p99.9':>9}{'most':>9}{'x onnxruntime':>15}")
    for name in ("control step", "with recorder", "onnxruntime", "torch", "torchscript"):
        found = step[name]
        cells = "".join(f"{found[key]:9.1f}" for key in ("median_us", "p99_us", "p999_us", "max_us"))
        print(f"{name:<18}{cells}{found['times_onnxruntime']:15.2f}")
    print("of which", ", ".join(f"{name} {value:.1f}" for name, value in step["parts_us"].items()))


def show_loop(loop: dict[str, Any]) -> None:
    """Print how the loop went."""
    print(f"{loop['rate_hz']:.0f} Hz, {loop['periods']} periods in {loop['seconds']:.1f} s, {loop['cores']:.3f} cores")
    for text, key in (("begun late", "lateness_ms"), ("period took", "step_ms")):
        found = loop[key]
        print(f"{text:<13}median {found['median']:.3f} ms, p99 {found['p99']:.3f} ms, most {found['max']:.3f} ms")
    print(f"{loop['over_deadline']} periods were later than the rule for deadlines allows")
    if loop["stopped_by"]:
        print(f"stopped by {loop['stopped_by']}")


def processor() -> str:
    """The processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.machine()


def main() -> None:
    """Measure the parts, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure")
    parser.add_argument("--steps", type=int, default=20_000, help="calls of each side of the part step")
    parser.add_argument("--core", type=int, help="where the part step runs; the last core if not given")
    parser.add_argument("--rate", type=float, default=200.0, help="of the loop, in Hz")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the loop")
    parser.add_argument("--install-size", action="store_true", help="install into a fresh environment, and weigh it")
    parser.add_argument("--json", metavar="FILE", help="write what was measured there; - is standard output")
    parser.add_argument("--output", metavar="FILE.png", help="draw the loop's histogram there")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--bundle", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps({"step": measure_step, "loop": measure_loop, "memory": measure_memory}[args.part](args)))
        return

    result: dict[str, Any] = {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    with tempfile.TemporaryDirectory() as folder:
        for part in args.parts:
            bundle = Path(folder) / part
            write_bundle(bundle, 1.0 / args.rate if part == "loop" else 0.02)
            result[part] = run_part(part, bundle, args)
            if part == "step":
                show_step(result[part])
            elif part == "loop":
                show_loop(result[part])
            else:
                print("resident MB:", ", ".join(f"{k} {v:.1f}" for k, v in result[part]["resident_mb"].items()))
    if args.install_size:
        result["install"] = measure_install()
        print("installed MB:", ", ".join(f"{k} {v:.1f}" for k, v in result["install"]["by_folder_mb"].items()))
        print(f"installed in all: {result['install']['total_mb']:.1f} MB")
    if args.output and "loop" in result:
        draw(result["loop"], Path(args.output))
    if args.json:
        text = json.dumps(result, indent=1) + "\n"
        if args.json == "-":
            print(text, end="")
        else:
            Path(args.json).write_text(text)


if __name__ == "__main__":
    main()
