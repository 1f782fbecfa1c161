#!/usr/bin/env bash
# Receives the write-ahead log as it is written, into a folder of the claim for each database and timeline. A
# replication slot holds back on the server what has not been received, up to max_slot_wal_keep_size.
. "$(dirname "$0")/common.sh"

receive() {
  use_database
  identify
  local folder=/wal/$SYSTEM-$TIMELINE
  mkdir -p "$folder"
  if [ "$(query -c "select wal_status from pg_replication_slots where slot_name = '$SLOT'")" = lost ]; then
    say "the server has thrown away log that was not received: points in time from here on need a new base backup"
    pg_receivewal --drop-slot --slot $SLOT
  fi
  pg_receivewal --create-slot --if-not-exists --slot $SLOT
  say "receiving timeline $TIMELINE of database $SYSTEM"
  watch 2>/dev/null &
  trap "kill $! 2>/dev/null" EXIT
  basename "$folder" >/wal/current
  # Synced and confirmed at once, so that the slot tells what has been received.
  pg_receivewal --slot $SLOT --no-loop --directory "$folder" --synchronous
}

# watch: notes the last time up to which all that the server had written was received. What ended silently shows up there.
watch() {
  local at lsn next=0 answer
  lsn=0/0
  while sleep 5; do
    at=$next
    next=$(date +%s)
    answer=$(query -F ' ' -v lsn="$lsn" <<'SQL'
select coalesce(bool_or(active and restart_lsn >= :'lsn'), false), pg_current_wal_flush_lsn()
from pg_replication_slots where slot_name = 'zakpos_backup'
SQL
    ) || continue
    read -r answer lsn <<<"$answer"
    if [ "$answer" = t ] && [ "$at" != 0 ]; then echo "$at" >"$RUN/received"; fi
  done
}

trap 'kill $(jobs -p) 2>/dev/null; exit 0' TERM
while :; do
  # In the background, so that a signal is heard at once.
  (receive) &
  wait $! || say "no connection to the server that lasts; trying again"
  sleep 2
done
