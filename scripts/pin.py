"""Write the installed versions of all transitive packages into pyproject.toml.

The constraints there hold what ``uv run`` installs without a lock file, which would record download addresses.
To move to newer versions: empty the list in pyproject.toml, ``uv sync --all-extras --upgrade``, run this and the tests.
"""

import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def canonical(name: str) -> str:
    """Return *name* as package indexes spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Rewrite ``[tool.uv] constraint-dependencies``."""
    text = PYPROJECT.read_text()
    config = tomllib.loads(text)
    requirements = config["project"]["dependencies"] + config["dependency-groups"]["dev"]
    for extra in config["project"]["optional-dependencies"].values():
        requirements += extra
    direct = {canonical(re.split(r"[\[=<>! ]", requirement)[0]) for requirement in requirements} | {"gaitway"}
    installed = {canonical(d.metadata["Name"]): d.version for d in distributions()}
    pins = "".join(f'    "{n}=={v}",\n' for n, v in sorted(installed.items()) if n not in direct)
    # the list may be empty, or hold one quoted pin a line
    text, count = re.subn(
        r"(?m)^constraint-dependencies = \[\n(?:    \".*\",\n)*\]",
        lambda _: f"constraint-dependencies = [\n{pins}]",
        text,
    )
    if count != 1:
        raise SystemExit("pyproject.toml: found no list 'constraint-dependencies = [' to rewrite")
    PYPROJECT.write_text(text)
    print(f"{PYPROJECT.name}: {pins.count('==')} transitive packages pinned")


if __name__ == "__main__":
    main()
