#!/usr/bin/env bash
# Install Gaitway and all it needs into .venv, beside pyproject.toml. The arguments go to `uv sync`.
#
#   scripts/install.sh                # all of it, the developers' tools included
#   scripts/install.sh --no-dev      # what runs, and no more
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv_version=0.13.8

# A shim of pyenv may be there without a uv behind it, so it has to answer, not only exist.
if ! uv --version >/dev/null 2>&1; then
    echo "install.sh: installing uv ${uv_version} with pip"
    # Outside a virtual environment and without the right to write to Python's own folder, pip chooses the user's.
    if ! PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check "uv==${uv_version}"; then
        echo "install.sh: pip could not install uv; install uv ${uv_version} by other means and run this again" >&2
        exit 1
    fi
    PATH="$PATH:$(python3 -c 'import site; print(site.getuserbase())')/bin"
    hash -r
    if command -v pyenv >/dev/null 2>&1; then
        pyenv rehash
    fi
fi

uv sync "$@"
