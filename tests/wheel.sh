#!/usr/bin/env bash
# Builds the wheel (or takes it from the folder that is named), installs it into a fresh environment, and runs the tests
# of the installed program where the source cannot be imported: what a wheel can lack are modules and files, which is
# seen by running every command. What is pure, and what runs the docs, is tested from the source.
#
# The environment has the LOWEST version of everything that pyproject.toml allows (requirements/lowest.lock), where
# `make test` has the newest locked one. What a range promises is so tested at both ends.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dist=${1:-$work/dist}
[ $# -gt 0 ] || "$VENV/bin/python" requirements/make_dist.py "$dist"
"$VENV/bin/python" -m venv "$work/venv"
install=("$work/venv/bin/python" -m pip --disable-pip-version-check install --quiet)
"${install[@]}" --require-hashes --only-binary :all: -r requirements/lowest.lock
"${install[@]}" --no-deps "$dist"/*.whl
"$work/venv/bin/python" -m pip --disable-pip-version-check check
# The tests, the docs that they run, and the configuration; not the package.
mkdir "$work/run"
cp -r tests docs examples benchmarks pyproject.toml README.md CHANGELOG.md CONTRIBUTING.md Makefile "$work/run/"
cd "$work/run"
PATH="$work/venv/bin:$PATH" "$work/venv/bin/python" -c 'import reconciler; assert "site-packages" in reconciler.__file__, reconciler.__file__'
PATH="$work/venv/bin:$PATH" "$work/venv/bin/python" -m pytest -n 3 -q -m 'not source' \
  tests/cli tests/golden tests/browser
