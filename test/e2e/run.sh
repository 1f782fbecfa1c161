#!/usr/bin/env bash
# The suites, on a cluster after the other: dev on one node, then prod on three workers. `dev` or `prod` as the first
# argument takes the suites of one; what follows narrows to files whose name it is part of.
set -uo pipefail
cd "$(dirname "$0")/../.."
case ${1-} in
  dev | prod) clusters=("$1") && shift ;;
  *) clusters=(dev prod) ;;
esac
code=0
for cluster in "${clusters[@]}"; do
  ZAKPOS_E2E=$cluster NODE_OPTIONS=--experimental-vm-modules \
    npx jest --config test/e2e/jest.config.js --passWithNoTests "$@" || code=1
done
exit $code
