"""Which way the code leans. What each folder may import is said in the design; here it is read from the sources."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gaitway

PACKAGE = Path(gaitway.__file__).parent
DEPLOY = Path(__file__).resolve().parents[1] / "source/gaitway_deploy/gaitway_deploy"
LEARNING = ("rsl_rl", "skrl", "isaaclab_rl", "gaitway.runs", "gaitway.agents", "gaitway.cli", "gaitway.tasks")
STANDARD = set(sys.stdlib_module_names) | {"__future__"}


def module_name(file: Path, package: Path) -> str:
    """Dotted name of a file's module."""
    return ".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")


def imports_of(file: Path, package: Path) -> Iterator[str]:
    """Dotted names that a file imports, anywhere in it, relative ones resolved; ``from a import b`` gives ``a.b``."""
    parent = module_name(file, package).split(".")
    if file.name != "__init__.py":
        parent = parent[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) - node.level + 1] if node.level else []
            base = [*base, node.module] if node.module else base
            yield from (".".join([*base, alias.name]) for alias in node.names)


def leaning(folder: Path, package: Path, forbidden: tuple[str, ...]) -> list[str]:
    """Imports of forbidden modules below a folder (or in one file), as ``file: module``."""
    files = [folder] if folder.suffix == ".py" else sorted(folder.rglob("*.py"))
    return [
        f"{file.relative_to(package)}: {name}"
        for file in files
        for name in imports_of(file, package)
        if any(name == prefix or name.startswith(f"{prefix}.") for prefix in forbidden)
    ]


def test_imports_are_read_in_every_form(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    (package / "a").mkdir(parents=True)
    file = package / "a" / "b.py"
    file.write_text(
        "import x.y, z as w\nfrom . import c\nfrom .d import e\nfrom ..f import g\n"
        "def h():\n    from k import l\n    import m\n"
    )
    assert sorted(imports_of(file, package)) == sorted(
        ["x.y", "z", "pack.a.c", "pack.a.d.e", "pack.f.g", "k.l", "m"]
    )  # fmt: skip
    file.rename(package / "a" / "__init__.py")
    assert "pack.a.c" in imports_of(package / "a" / "__init__.py", package)
    assert leaning(package, package, ("pack.f",)) == ["a/__init__.py: pack.f.g"]
    assert leaning(package, package, ("pack.ff", "x.yy")) == []


@pytest.mark.parametrize("folder", ["robots", "mdp", "physics"])
def test_robots_terms_and_engines_know_nothing_of_learning(folder: str) -> None:
    assert list((PACKAGE / folder).rglob("*.py"))
    assert leaning(PACKAGE / folder, PACKAGE, LEARNING) == []


def test_tasks_know_nothing_of_runs_and_commands() -> None:
    forbidden = ("gaitway.runs", "gaitway.cli", "gaitway.export", "gaitway.transfer", "gaitway.agents")
    assert leaning(PACKAGE / "tasks", PACKAGE, forbidden) == []


def test_algorithms_know_nothing_of_isaac_lab_and_tasks() -> None:
    forbidden = ("isaaclab", "isaaclab_tasks", "isaaclab_rl", "isaaclab_newton", "newton", "gymnasium", "pxr")
    forbidden += tuple(f"gaitway.{name}" for name in ("tasks", "mdp", "robots", "physics", "runs", "export", "cli"))
    assert leaning(PACKAGE / "agents", PACKAGE, forbidden) == []


def test_nothing_but_the_command_line_imports_the_command_line() -> None:
    others = [path for path in PACKAGE.iterdir() if path.name not in ("cli", "__main__.py", "__pycache__", "py.typed")]
    assert {path.name for path in others} >= {"robots", "mdp", "tasks", "runs", "physics"}
    assert [line for path in others for line in leaning(path, PACKAGE, ("gaitway.cli",))] == []


def test_the_robots_side_stands_alone() -> None:
    allowed = STANDARD | {"numpy", "onnxruntime", "gaitway_deploy"}
    extras = {"drivers/mujoco.py": {"mujoco", "glfw"}, "commands.py": {"pygame"}}
    files = list(DEPLOY.rglob("*.py"))
    assert len(files) > 10
    foreign = {
        f"{file.name}: {name}"
        for file in files
        for name in imports_of(file, DEPLOY)
        if name.split(".")[0] not in allowed | extras.get(file.relative_to(DEPLOY).as_posix(), set())
    }
    assert foreign == set()


def test_the_robots_side_keeps_to_the_syntax_of_python_3_9() -> None:
    for file in DEPLOY.rglob("*.py"):
        ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 9))


# -- terms are vectorised ---------------------------------------------------------------------------


def loops_over_environments(source: str) -> list[int]:
    """Lines on which a function loops over something named after environments."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.While):
            lines.append(node.lineno)
        elif isinstance(node, ast.For | ast.comprehension):
            names = {n.id for n in ast.walk(node.iter) if isinstance(n, ast.Name)}
            names |= {n.attr for n in ast.walk(node.iter) if isinstance(n, ast.Attribute)}
            if any("env" in name.split("_") or "envs" in name.split("_") for name in names):
                lines.append(node.iter.lineno)
    return lines


def test_terms_have_no_loop_over_environments() -> None:
    folders = [PACKAGE / "mdp", *(path for path in (PACKAGE / "tasks").rglob("mdp") if path.is_dir())]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    assert len(files) >= 4
    found = {str(file): loops_over_environments(file.read_text(encoding="utf-8")) for file in files}
    assert {file: lines for file, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "code",
    [
        "def f(env):\n    for i in range(env.num_envs): pass",
        "def f(env, env_ids):\n    return [g(i) for i in env_ids]",
        "def f(env):\n    while True: pass",
        "def f(env):\n    for row in env.scene['robot'].data.joint_pos.torch: pass",
    ],
)
def test_a_loop_over_environments_would_be_noticed(code: str) -> None:
    assert loops_over_environments(code)


def test_a_loop_over_names_is_none_over_environments() -> None:
    assert loops_over_environments("def f(cfg):\n    return [x for x in cfg.params.values()]") == []


def test_tasks_have_no_loop_that_runs_an_environment() -> None:
    for file in (PACKAGE / "tasks").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        assert not any(isinstance(node, ast.While) for node in ast.walk(tree)), file
        calls = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
        # An environment's own `step` may call that of its base.
        others = {ast.unparse(call) for call in calls if call.attr == "step"} - {"super().step"}
        assert not others, file


# -- what is quick stays quick ----------------------------------------------------------------------

HEAVY = {
    "torch", "isaaclab", "isaaclab_tasks", "isaaclab_rl", "warp", "newton", "mujoco", "gymnasium", "hydra", "omegaconf",
    "numpy", "scipy", "skrl", "rsl_rl", "onnx", "onnxruntime", "matplotlib", "trimesh", "pxr", "pinocchio",
}  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        "import gaitway",
        "import gaitway.errors",
        "import gaitway.cli",
        "from gaitway.cli import cli; cli(['--help'], standalone_mode=False)",
        "from gaitway.cli import cli; cli(['train', '--help'], standalone_mode=False)",
        "from gaitway.cli import cli; cli(['--version'], standalone_mode=False)",
    ],
)
def test_the_front_door_loads_nothing_heavy(code: str) -> None:
    code += "\nimport sys; print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert "sys" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        # A description can be converted, and tasks can be listed, without a simulator.
        ("gaitway.robots.assets", {"torch", "isaaclab", "warp", "newton", "gymnasium", "scipy", "trimesh"}),
        ("gaitway.tasks", {"torch", "isaaclab", "warp", "newton", "scipy"}),
    ],
)
def test_what_needs_no_simulator_loads_none(module: str, heavy: set[str]) -> None:
    code = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} & heavy == set()


def test_a_training_loads_only_what_it_uses() -> None:
    code = (
        "from gaitway.cli.start_up import keep_bytecode; keep_bytecode()\n"
        "import sys, gaitway.tasks\n"
        "from gaitway.cli.session import resolve_configs\n"
        "resolve_configs('Gaitway-Velocity-Flat-Go2', 'rsl_rl_cfg_entry_point', [])\n"
        "import gaitway.cli.train, gaitway.runs.run, gaitway.runs.learn_rsl_rl\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.rpartition("LOADED")[2].split()}
    assert {"torch", "rsl_rl", "isaaclab_tasks"} <= loaded
    other = {"skrl", "onnx", "onnxruntime", "onnxscript", "matplotlib", "viser", "ovphysx", "open3d", "pandas"}
    assert loaded & other == set()


def test_a_cached_robot_is_looked_up_without_what_converts_it() -> None:
    code = (
        "import sys\n"
        "from gaitway.robots.assets import RobotAsset\n"
        "RobotAsset(name='go2', urdf='go2_description/urdf/go2.urdf', floating_base=True).key()\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.rpartition("LOADED")[2].split()}
    assert "numpy" in loaded
    assert loaded & {"scipy", "trimesh", "urdf_usd_converter", "pxr"} == set()
