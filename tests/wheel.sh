#!/usr/bin/env bash
# Builds the wheel (or uses the one in the given folder), installs it into a fresh environment, and runs the tests of the
# installed program in a folder without the source. A wheel can lack modules or files, so these tests run every command.
#
# The environment has the LOWEST versions that pyproject.toml allows (requirements/lowest.lock). `make test` has the
# newest locked versions. So both ends of each range are tested.
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
