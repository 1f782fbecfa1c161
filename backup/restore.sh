#!/usr/bin/env bash
# restore.sh plan|restore: shows which backup it takes, or puts that backup in the place of the data folder. The folder
# before is kept beside it. Cut off at any point, it can be run again. Between the last two renames there is no data folder:
# whoever comes next, this script or the start of the database, does the last one.
. "$(dirname "$0")/common.sh"
. "$SCRIPTS/recover.sh"

use_storage
choose
if [ "$1" = plan ]; then
  cat "$RUN/manifest.txt"
  exit
fi

volume=$(dirname "$PGDATA")
new=$PGDATA.restoring
whole=$PGDATA.restored
old=$PGDATA.before-$RESTORE_ID
hold "$volume"
[ ! -e "$whole" ] || [ -e "$PGDATA" ] || mv "$whole" "$PGDATA"
if [ -e "$PGDATA/restored-$RESTORE_ID" ]; then
  say "this restore is done"
  exit
fi
needed=$(($(value "$RUN/manifest.txt" database-bytes) / 1024 * 11 / 10 + 131072))
rm -rf "$new" "$whole"
free=$(df -Pk "$volume" | awk 'NR == 2 { print $4 }')
[ "$free" -ge "$needed" ] ||
  give_up "the volume has $((free / 1024)) MiB free, and the restored data need $((needed / 1024)) beside what is there: grow the claim, or restore into another namespace"

fetch "$new"
recover "$new"

# The passwords are those of the Secrets now, whatever they were when the backup was made.
quoted() { sed "s/'/''/g" "$1"; }
{
  # None of it into the log.
  echo 'set log_min_error_statement = panic; set log_statement = none; set log_min_duration_statement = -1;'
  # A login that a rotation has ended since stays so.
  echo "select format('alter role %I password null', rolname) from pg_roles where rolname like 'zakpos%' \\gexec"
  for folder in $SECRETS/roles/*/; do
    echo "alter role \"$(cat "$folder/username")\" password '$(quoted "$folder/password")';"
  done
} | query
compare
query -c checkpoint >/dev/null
kill -INT $SERVER
wait $SERVER || true
touch "$new/restored-$RESTORE_ID"
sync
mv "$new" "$whole"
if [ -e "$PGDATA" ]; then
  mv "$PGDATA" "$old"
  say "the files of before are in $old"
fi
mv "$whole" "$PGDATA"
sync
say "restored"
