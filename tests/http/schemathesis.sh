#!/usr/bin/env bash
# Lets schemathesis (PyPI) ask a running coordinator all that its OpenAPI document describes, and much that it forbids.
#
#   tests/http/schemathesis.sh [DIR]
#
# DIR holds the virtual environment and the run; a temporary one where nothing is said. Needs python3 with venv, and the
# program built (HATCHERY, else target/debug/hatchery). Ends with schemathesis's exit code; 77 where it cannot be had.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=4.32.5
dir=${1:-$(mktemp -d)}
hatchery=${HATCHERY:-target/debug/hatchery}
mkdir -p "$dir"
if [ ! -x "$dir/venv/bin/st" ]; then
  python3 -m venv "$dir/venv" && "$dir/venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" ||
    { echo "skipped: schemathesis $version cannot be installed"; exit 77; }
fi

run=$dir/run
rm -rf "$run"
port=$((20000 + RANDOM % 10000))
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait' EXIT
"$hatchery" coordinator digits --quiet --listen "127.0.0.1:$port" --out "$run" --evaluations 1000000 &
pids+=($!)
until [ -s "$run/http" ]; do kill -0 "${pids[0]}"; sleep 0.1; done
"$hatchery" worker --join "127.0.0.1:$port" --cookie-file "$run/cookie" --devices cpu --slots 2 --simulate fixed:0.05 &
pids+=($!)
url=$(cat "$run/http")
until curl -fs "$url/api/v1/individuals/1" >/dev/null; do kill -0 "${pids[0]}"; sleep 0.1; done

# Events never end, a run that is stopped answers nothing more, and of trainings that are only pretended there are no
# models: all three are tested elsewhere (tests/http).
"$dir/venv/bin/st" run "$url/api/v1/openapi.json" \
  --header "Authorization: Bearer $(cat "$run/token")" \
  --exclude-path /api/v1/events --exclude-path /api/v1/run/stop \
  --exclude-path "/api/v1/individuals/{id}/model.onnx" \
  --max-examples "${EXAMPLES:-50}" --request-timeout 30 --workers 1 --no-color
