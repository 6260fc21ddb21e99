#!/usr/bin/env bash
# Holds what `hatchery export` writes against the programs that it is for, from PyPI, in a virtual environment:
#
#     tests/records/peers.sh DIR [--all]
#
# DIR is where the environment is, or is made. With --all an MLflow server is among them; it is large. What cannot be
# installed is said, and its tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$1
requirements=tests/records/requirements.txt
[ "${2:-}" = --all ] && requirements=tests/records/requirements-all.txt

# How long fetching packages may take.
patience=60
[ "${2:-}" = --all ] && patience=600

install() {
  [ -x "$folder/bin/python" ] || python3 -m venv "$folder" || return 1
  timeout "$patience" "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
}
if ! install; then
  echo "skipped: the packages of $requirements cannot be installed in $folder within $patience s (python3-venv, or the network, is missing?)"
  exit 0
fi
HATCHERY_PYTHON=$(cd "$folder" && pwd)/bin/python cargo test --locked --test records -- --nocapture
