#!/usr/bin/env bash
# The suites, on a cluster after the other: dev on one node, then prod on three workers. `dev` or `prod` as the first
# argument takes the suites of one, and `faults` those that are run when asked for: what is killed or full under a load of
# sales on prod's cluster, half an hour, with a table of what each cost. What follows narrows to files whose name it is
# part of.
set -uo pipefail
cd "$(dirname "$0")/../.."
case ${1-} in
  dev | prod | faults) suites=("$1") && shift ;;
  *) suites=(dev prod) ;;
esac
code=0
for suite in "${suites[@]}"; do
  ZAKPOS_E2E=$suite NODE_OPTIONS=--experimental-vm-modules \
    npx jest --config test/e2e/jest.config.js --passWithNoTests "$@" || code=1
done
exit $code
