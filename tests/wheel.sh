#!/usr/bin/env bash
# Builds the wheel, installs it into a fresh environment, and runs the tests of the installed program where the source
# cannot be imported: what a wheel can lack are modules and files, which is seen by running every command. What is pure is
# tested from the source.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$VENV/bin/python" -m build --wheel --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
"$VENV/bin/python" -m venv "$work/venv"
wheel=$(ls "$work"/dist/*.whl)
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "${wheel}[dev]"
# The tests, the docs that they run, and the configuration; not the package.
mkdir "$work/run"
cp -r tests docs examples benchmarks pyproject.toml README.md CHANGELOG.md CONTRIBUTING.md Makefile "$work/run/"
cd "$work/run"
PATH="$work/venv/bin:$PATH" "$work/venv/bin/python" -c 'import reconciler; assert "site-packages" in reconciler.__file__, reconciler.__file__'
PATH="$work/venv/bin:$PATH" "$work/venv/bin/python" -m pytest -n 3 -q -m 'not source' \
  tests/cli tests/onboarding tests/golden tests/docs tests/browser
