#!/usr/bin/env bash
# Rehearses a restore on a throwaway volume: the newest base backup with all of the log after it, and the newest dump;
# what came of it goes to the bucket, where the metrics are read from.
. "$(dirname "$0")/common.sh"
. "$SCRIPTS/recover.sh"

id=$(new_id)
began=$(date +%s)
report() {
  local code=$?
  kill "${SERVER-}" 2>/dev/null || true
  {
    echo "id $id"
    echo "finished $(now)"
    echo "seconds $(($(date +%s) - began))"
    echo "base ${BACKUP-none}"
    echo "dump ${DUMP-none}"
  } >"$RUN/drill.txt"
  say "base ${BACKUP-none} and dump ${DUMP-none}: $([ $code = 0 ] && echo good || echo failed), after $(($(date +%s) - began)) s"
  store copyto "$RUN/drill.txt" "store:drills/$id-$([ $code = 0 ] && echo good || echo failed).txt" || code=1
  exit $code
}

use_storage
trap report EXIT
trap 'exit 1' TERM

choose
fetch "$PGDATA"
recover "$PGDATA"
compare

DUMP=$(list -R --files-only --include "*/manifest.txt" "store:$SYSTEM/dump" | sort -r | head -1 | cut -d/ -f1)
[ -n "$DUMP" ] || give_up "there is no good dump of this database"
say "restoring dump $DUMP beside it"
store cat "store:$SYSTEM/dump/$DUMP/manifest.txt" >"$RUN/manifest.txt"
LIMIT=$LONG store cat "store:$SYSTEM/dump/$DUMP/dump.pgc" >"$PGDATA.dump"
[ "$(sha256sum <"$PGDATA.dump" | cut -d' ' -f1)" = "$(value "$RUN/manifest.txt" file | cut -d' ' -f3)" ] ||
  give_up "dump $DUMP is damaged: its checksum is not that of its manifest"
createdb drill
PGDATABASE=drill
pg_restore --exit-on-error --dbname=drill "$PGDATA.dump"
compare
# A dump is the very snapshot that its manifest counted.
facts '' '' | grep -E '^(rows|last-sale|schema) ' >"$RUN/is"
grep -E '^(rows|last-sale|schema) ' "$RUN/manifest.txt" | diff - "$RUN/is" || give_up "the dump holds other rows than it was said to"
say "both are good"
