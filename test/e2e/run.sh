#!/usr/bin/env bash
# The suites, on a cluster after the other: dev on one node, then prod on three workers. `dev` or `prod` as the first
# argument takes the suites of one. Others are run when asked for, on prod's cluster, an hour each: `faults`, what is killed
# or full under a load of sales, with a table of what each cost; `monitoring`, which alert tells of which fault, with a
# table of when; and on dev's, `upgrade`, from PostgreSQL 16 to 17 and back. What follows narrows to files whose name it is part of.
set -uo pipefail
cd "$(dirname "$0")/../.."
case ${1-} in
  dev | prod | faults | monitoring | upgrade) suites=("$1") && shift ;;
  *) suites=(dev prod) ;;
esac
code=0
for suite in "${suites[@]}"; do
  ZAKPOS_E2E=$suite NODE_OPTIONS=--experimental-vm-modules \
    npx jest --config test/e2e/jest.config.js --passWithNoTests "$@" || code=1
done
exit $code
