#!/usr/bin/env bash
# Installs and tests the reference apps; the API's integration tests start their stores with docker.
set -uo pipefail
cd "$(dirname "$0")"
failed=()

# try NAME COMMAND...: runs all of them, however many fail
try() {
  echo "== $1"
  shift
  "$@" || failed+=("$*")
}

for app in api web mobile; do
  try "$app: npm ci" npm --prefix "$app" ci --no-fund --no-audit --loglevel=error
  try "$app: lint" npm --prefix "$app" run --silent lint
  try "$app: test" npm --prefix "$app" run --silent test
done
if docker info >/dev/null 2>&1; then
  try 'api: test:integration' npm --prefix api run --silent test:integration
else
  echo '== api: test:integration left out, since docker does not answer'
fi

if ((${#failed[@]})); then
  printf 'failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
