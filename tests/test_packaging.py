"""What leads from a clone to a running Gaitway: installing, the container, the extension, the offline pack."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import gaitway

ROOT = Path(__file__).resolve().parents[1]
TEST_COMMAND = "uv run pytest"


def read(path: str) -> str:
    """Return the text of a file of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


# -- installing ------------------------------------------------------------------------------------


def test_ci_and_image_share_the_install_script() -> None:
    assert os.access(ROOT / "scripts/install.sh", os.X_OK)
    assert re.search(r"^scripts/install\.sh\b", read(".ci/run"), re.MULTILINE)
    assert len(re.findall(r"^\s+(?:&& )?scripts/install\.sh --no-dev\b", read("docker/Dockerfile"), re.MULTILINE)) == 2


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert read(".ci/run").splitlines()[-1] == TEST_COMMAND
    blocks = re.findall(r"^```(?:bash|sh|shell|console)\n(.*?)^```", read("README.md"), re.MULTILINE | re.DOTALL)
    commands = [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines()]
    assert TEST_COMMAND in commands


@pytest.mark.parametrize("script", [".ci/run", "scripts/install.sh"])
def test_shell_scripts_parse_and_stop_at_errors(script: str) -> None:
    assert subprocess.run(["bash", "-n", ROOT / script], check=False).returncode == 0
    assert "\nset -euo pipefail\n" in read(script)


def test_every_dependency_is_pinned() -> None:
    config = tomllib.loads(read("pyproject.toml"))
    requirements = config["build-system"]["requires"] + config["project"]["dependencies"]
    requirements += config["tool"]["uv"]["constraint-dependencies"]
    for group in [*config["project"].get("optional-dependencies", {}).values(), *config["dependency-groups"].values()]:
        requirements += group
    loose = [line for line in requirements if not re.fullmatch(r"[\w.-]+(\[[\w,.-]+\])?==[\w.!+]+( *;.*)?", line)]
    assert not loose


# -- what is committed -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The committed files that are still there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a clone")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_lock_file_is_committed(tracked: list[Path]) -> None:
    # a lock file records from where this machine downloads
    locks = re.compile(r".*\.lock|.*-lock\.(json|ya?ml)|pylock.*\.toml|go\.sum")
    assert not [path.name for path in tracked if locks.fullmatch(path.name)]


def test_no_address_of_a_registry_and_no_path_of_this_machine_is_committed(tracked: list[Path]) -> None:
    # put together here, or this file would hold what it forbids
    hosts = ["py" + "pi.", "files.python" + "hosted.", "download.py" + "torch.", "registry.npm" + "js."]
    forbidden = re.compile("|".join(map(re.escape, hosts)) + r"|(?<![\w.~-])/(?:work|farm)(?![\w-])")
    found = []
    for path in tracked:
        data = path.read_bytes()
        if b"\0" in data:
            continue
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in forbidden.finditer(data.decode(errors="replace"))]
    assert not found


# -- the container ---------------------------------------------------------------------------------


def test_dockerfile_passes_hadolint() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    result = subprocess.run(
        [hadolint, "--no-color", ROOT / "docker/Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with what they say, continued lines joined."""
    lines = [line for line in read("docker/Dockerfile").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in joined.split("\n"))]


def test_image_runs_gaitway_without_rights_on_a_pinned_base() -> None:
    said = dict(instructions())  # the last of each kind
    defaults = dict(text.split("=") for word, text in instructions() if word == "ARG")
    user = re.sub(r"\$\{(\w+)\}", lambda match: defaults[match[1]], said["USER"])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert re.fullmatch(r"python:3\.12\.\d+-slim-\w+", said["FROM"])
    assert (json.loads(said["ENTRYPOINT"]), json.loads(said["CMD"])) == (["gaitway"], ["train"])
    assert json.loads(said["VOLUME"]) == ["/home/gaitway/runs", "/home/gaitway/.cache"]


def test_dependencies_are_a_layer_before_the_source() -> None:
    words = [text for word, text in instructions() if word in ("COPY", "RUN")]
    dependencies = next(i for i, text in enumerate(words) if "--no-install-project" in text)
    assert "--no-install-package gaitway-deploy" in words[dependencies]
    source = words.index("source source")
    assert dependencies < source
    assert "--mount=type=cache" in words[dependencies]


def test_build_context_holds_what_the_dockerfile_copies() -> None:
    kept = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    copied = {source for word, text in instructions() if word == "COPY" for source in text.split()[:-1]}
    assert {name for name in copied if not name.startswith("source/")} == kept
    assert all((ROOT / name).exists() for name in kept | copied)


def test_compose_offers_the_cpu_and_the_gpu() -> None:
    compose = yaml.safe_load(read("docker/compose.yaml"))
    services = compose["services"]
    for name, device in [("train", "cpu"), ("train-gpu", "cuda:0")]:
        service = services[name]
        assert service["command"] == ["train", "--device", device]
        assert (ROOT / "docker" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        # the image's user is not root, and nothing here overrides it
        assert "user" not in service
        assert "privileged" not in service
        mounted = dict(volume.split(":") for volume in service["volumes"])
        assert mounted == {"runs": "/home/gaitway/runs", "cache": "/home/gaitway/.cache"}
        assert mounted.keys() <= compose["volumes"].keys()
    assert services["train-gpu"]["profiles"] == ["gpu"]
    (device,) = services["train-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert "deploy" not in services["train"]


# -- the extension of Isaac Sim --------------------------------------------------------------------


def test_extension_names_this_version_and_modules_that_import() -> None:
    extension = tomllib.loads(read("source/gaitway/config/extension.toml"))
    assert extension["package"]["version"] == gaitway.__version__
    modules = [module["name"] for module in extension["python"]["module"]]
    assert "gaitway" in modules
    for name in modules:
        importlib.import_module(name)


# -- the offline pack ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packer() -> ModuleType:
    """The script `scripts/pack_offline.py`, as a module."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        return importlib.import_module("pack_offline")
    finally:
        sys.path.remove(str(ROOT / "scripts"))


BIG = "0123456789" * 300


def names_in(folder: Path) -> set[str]:
    """Return what a folder holds."""
    return {path.name for path in folder.iterdir()}


def make_wheel(path: Path, files: dict[str, str], programs: tuple[str, ...] = ()) -> None:
    """Write a wheel of *files*; those in *programs* can be executed."""
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o755 if name in programs else 0o644) << 16
            wheel.writestr(info, text)


@pytest.fixture
def pack(packer: ModuleType, tmp_path: Path) -> Path:
    """A pack of two small wheels and a robot, in parts of 1000 bytes."""
    content, folder = tmp_path / "content", tmp_path / "pack"
    for new in (content / "wheels", content / "cache/robots/dog-0123", folder):
        new.mkdir(parents=True)
    greeting = "import sys\ndef main():\n    print('hello', sys.argv)\n    return 3\n"
    files = {"hello/__init__.py": greeting, "hello/tool": "#!/bin/sh\n", "hello-1.0.dist-info/METADATA": "Name: hello"}
    make_wheel(content / "wheels/hello-1.0-py3-none-any.whl", files, programs=("hello/tool",))
    make_wheel(
        content / "wheels/other-2.0-py3-none-any.whl",
        {
            "other-2.0.data/purelib/other.py": "x = 1\n",
            "other-2.0.data/scripts/other": "",
            "big.txt": "0123456789" * 300,
        },
    )
    (content / "cache/robots/dog-0123/dog.usdc").write_text("usd")
    packer.write_pack(
        content,
        folder,
        {
            "gaitway": "9.9",
            "requires": {"no-such-package": "1.0"},
            "glibc": "2.17",
            "launchers": {"hello": "hello:main"},
            "robots": ["dog-0123"],
            "wheels": [{"name": "hello"}, {"name": "other"}],
        },
        part_bytes=1000,
    )
    return folder


def unpack(pack: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Run the pack's own script with a Python that sees the standard library only."""
    command = [sys.executable, "-I", "-S", str(pack / "unpack.py"), "--target", str(target)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_pack_is_cut_into_parts_that_the_manifest_lists(pack: Path) -> None:
    manifest = json.loads((pack / "manifest.json").read_text())
    sizes = [part["size"] for part in manifest["parts"]]
    assert len(sizes) > 3
    assert set(sizes[:-1]) == {1000}
    assert 0 < sizes[-1] <= 1000
    assert {part["name"] for part in manifest["parts"]} | {"manifest.json", "unpack.py"} == names_in(pack)


def test_what_is_packed_runs_where_it_is_unpacked(pack: Path, tmp_path: Path) -> None:
    target = tmp_path / "a folder" / "gaitway"
    result = unpack(pack, target)
    assert result.returncode == 0, result.stderr
    assert "this Python has no no-such-package" in result.stderr
    assert (target / "cache/robots/dog-0123/dog.usdc").read_text() == "usd"
    assert (target / "site/other.py").is_file()
    assert (target / "site/big.txt").read_text() == BIG
    assert os.access(target / "site/hello/tool", os.X_OK)
    assert names_in(target.parent) == {"gaitway"}
    said = subprocess.run(
        ["sh", "-c", '. "$0/env.sh" && echo "$GAITWAY_CACHE" && hello --x', target],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stdout) == (3, f"{target}/cache\nhello ['hello', '--x']\n")


@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_a_damaged_part_is_refused_by_name(pack: Path, tmp_path: Path, damage: str) -> None:
    part = sorted(pack.glob("*.part*"))[1]
    data = part.read_bytes()
    if damage == "missing":
        part.unlink()
    else:
        part.write_bytes(data[:-1] + (b"" if damage == "cut" else bytes([data[-1] ^ 1])))
    result = unpack(pack, tmp_path / "target")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert part.name in result.stderr
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("text", [None, "{", "[]", '{"format": 999}', '{"format": 1}'])
def test_a_damaged_manifest_is_refused(pack: Path, tmp_path: Path, text: str | None) -> None:
    manifest = pack / "manifest.json"
    if text is None:
        manifest.unlink()
    else:
        manifest.write_text(text)
    result = unpack(pack, tmp_path / "target")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "manifest.json" in result.stderr


def test_a_folder_in_use_is_refused_and_left_alone(
    packer: ModuleType, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "precious").touch()
    result = unpack(pack, used)
    assert result.returncode == 2
    assert str(used) in result.stderr
    assert packer.main(["--output", str(used)]) == 2
    assert str(used) in capsys.readouterr().err
    assert names_in(used) == {"precious"}


def test_an_empty_target_is_used(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert unpack(pack, tmp_path / "empty").returncode == 0
    assert (tmp_path / "empty/env.sh").is_file()


def test_a_wheel_cannot_write_outside(packer: ModuleType, tmp_path: Path) -> None:
    make_wheel(tmp_path / "bad-1.0-py3-none-any.whl", {"../outside": ""})
    with pytest.raises(packer.PackError, match="outside"):
        packer.unpack_offline.install_wheel(tmp_path / "bad-1.0-py3-none-any.whl", tmp_path / "site")
    assert not (tmp_path / "outside").exists()


def test_the_stack_travels_without_torch_and_without_what_is_excluded(packer: ModuleType) -> None:
    names = {package.name for package in packer.travelling()}
    assert {"gaitway", "isaaclab", "mujoco-warp", "newton", "rsl-rl-lib", "skrl", "usd-exchange", "warp-lang"} <= names
    assert not names & ({"torch", "numpy", "triton", "setuptools", "pytest", "ruff"} | packer.EXCLUDED)
    # what only an excluded package requires stays behind with it
    assert not [name for name in names if name.startswith(("cmeel", "jupyter", "nvidia-")) or name == "llvmlite"]


def test_nothing_is_excluded_that_is_not_required(packer: ModuleType) -> None:
    assert packer.closure(["gaitway"]).keys() >= packer.EXCLUDED


@pytest.mark.parametrize(
    ("wheel", "minor"),
    [
        ("a-1-py3-none-any.whl", 0),
        ("a-1-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl", 17),
        ("a-1-cp312-cp312-manylinux_2_34_x86_64.whl", 34),
        ("a-1-cp312-cp312-manylinux1_x86_64.whl", 5),
    ],
)
def test_a_wheel_says_which_glibc_it_needs(packer: ModuleType, wheel: str, minor: int) -> None:
    assert packer.glibc_minor(wheel) == minor
