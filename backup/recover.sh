# Sourced by restore.sh and drill.sh: from the bucket to a running server on its socket.

# choose: sets SYSTEM and BACKUP to the base backup to begin from, the newest good one that ended before RESTORE_AT,
# and copies its manifest to $RUN/manifest.txt
choose() {
  local path id server
  # Both times as ids compare as text.
  local at=
  [ -z "${RESTORE_AT-}" ] || at=$(tr -d ':-' <<<"${RESTORE_AT%%.*}" | tr -d Z)Z
  list -R --files-only --include "*/base/*/manifest.txt" store: | sort -t/ -k3,3r >"$RUN/bases"
  [ -s "$RUN/bases" ] || give_up "there is no good base backup in the bucket $S3_BUCKET below $S3_PREFIX"
  while IFS=/ read -r SYSTEM _ id _; do
    [ "${RESTORE_BACKUP:-$id}" = "$id" ] || continue
    store cat "store:$SYSTEM/base/$id/manifest.txt" >"$RUN/manifest.txt"
    [ -z "$at" ] || [[ $(value "$RUN/manifest.txt" finished | tr -d ':-') < $at ]] || continue
    server=$(value "$RUN/manifest.txt" server)
    [ -z "$server" ] || [ "$server" = "$(release)" ] ||
      give_up "base backup $id is one of PostgreSQL $server, and this image is PostgreSQL $(release): name the image of $server in postgres.image to restore it into a namespace of its own"
    BACKUP=$id
    export SYSTEM
    list --files-only "store:$SYSTEM/wal" >"$RUN/archive"
    return
  done <"$RUN/bases"
  give_up "no good base backup ${RESTORE_BACKUP:+"$RESTORE_BACKUP" }is there${RESTORE_AT:+" that ended before $RESTORE_AT"}; there are $(cut -d/ -f3 "$RUN/bases" | tr '\n' ' ')"
}

damaged() { give_up "base backup $BACKUP is damaged: $1; choose an older one by its id"; }

# fetch FOLDER: the files of the base backup, each byte as it was sent
fetch() {
  local manifest=$RUN/manifest.txt file=store:$SYSTEM/base/$BACKUP/base.tar.gz failed= bytes size sum
  read -r _ bytes sum < <(value "$manifest" file)
  size=$(list --format s "$file")
  [ "$size" = "$bytes" ] || damaged "it has ${size:-no} bytes and not $bytes"
  rm -rf "$1"
  mkdir -m 700 -p "$1"
  say "fetching base backup $BACKUP, $((bytes / 1048576)) MiB for a database of $(($(value "$manifest" database-bytes) / 1048576)) MiB"
  rm -f "$RUN"/fetch.*
  digest "$RUN/fetch.fifo" "$RUN/fetch"
  {
    LIMIT=$LONG store cat --stats 5s --stats-one-line --stats-log-level NOTICE --log-level NOTICE "$file" |
      tee "$RUN/fetch.fifo" | tar -xz -C "$1" -f -
  } 2> >(tee "$RUN/fetch.log" >&2) || failed=yes
  wait $!
  # What can't be decrypted is not what was encrypted; it is the same on the next try.
  ! grep -q 'failed to authenticate' "$RUN/fetch.log" || damaged "it can't be decrypted"
  [ -z "$failed" ] || die "base backup $BACKUP can't be fetched or unpacked"
  wait $DIGEST_PID
  [ "$(cat "$RUN/fetch.sum")" = "$sum" ] ||
    damaged "its checksum is $(cat "$RUN/fetch.sum") and not $sum"
}

# recover FOLDER: replays the log up to RESTORE_AT or the end of the archive, and leaves the server running
recover() {
  touch "$1/recovery.signal"
  cat >>"$1/postgresql.auto.conf" <<CONF
restore_command = 'bash $SCRIPTS/fetch-wal.sh %f "%p"'
recovery_target_timeline = 'latest'
recovery_target_action = 'promote'
CONF
  [ -z "${RESTORE_AT-}" ] ||
    echo "recovery_target_time = '$(sed 's/T/ /; s/Z$/+00/' <<<"$RESTORE_AT")'" >>"$1/postgresql.auto.conf"
  printf 'local all all trust\n' >"$RUN/pg_hba.conf"
  say "replaying the log${RESTORE_AT:+" up to $RESTORE_AT"}"
  # Closed to the network, and to queries until recovery has ended. A server that crashed in the middle of that would
  # start once more and replay past the target: it has to end, and the restore to begin anew.
  postgres -D "$1" -c listen_addresses= -c unix_socket_directories=/var/run/postgresql -c hba_file="$RUN/pg_hba.conf" \
    -c hot_standby=off -c restart_after_crash=off -c ssl=off -c shared_preload_libraries= -c log_min_messages=log -c max_wal_size=2GB \
    2> >(awk '!/the database system is|Hot standby mode is/ { print; fflush() }' | tee "$RUN/server.log" >&2) &
  SERVER=$!
  export PGHOST=/var/run/postgresql PGUSER=postgres PGSSLMODE=disable
  until pg_isready -q -d "$PGDATABASE"; do
    kill -0 $SERVER 2>/dev/null || ended
    sleep 0.2
  done
  sed -i '/^restore_command\|^recovery_target/d' "$1/postgresql.auto.conf"
}

# ended: says why recovery ended before it was done
ended() {
  ! grep -q 'before configured recovery target was reached' "$RUN/server.log" ||
    give_up "the archive ends before $RESTORE_AT; leave the time out to restore all there is"
  die "$(grep -E 'FATAL|PANIC|ERROR' "$RUN/server.log" | tail -1)"
}

# compare: shows the rows of each table as the manifest has them and as they are; fails when a sale of it is lost or another
compare() {
  local manifest=$RUN/manifest.txt sale key was is lost=0
  read -r sale _ < <(value "$manifest" last-sale) || true
  facts '' "${sale-}" >"$RUN/found.txt"
  printf '%-24s %12s %12s\n' table backup restored
  while read -r key was; do
    is=$(sed -n "s/^rows $key //p" "$RUN/found.txt")
    printf '%-24s %12s %12s\n' "$key" "$was" "${is:-none}"
    # Sales are only ever added.
    case $key in sales | sale_items) [ "${is:-0}" -ge "$was" ] || lost=1 ;; esac
  done < <(sed -n 's/^rows //p' "$manifest")
  [ $lost = 0 ] || give_up "there are fewer sales than in the backup"
  [ "$(value "$manifest" last-sale)" = "$(value "$RUN/found.txt" last-sale)" ] ||
    give_up "the last sale of the backup, $(value "$manifest" last-sale), is now $(value "$RUN/found.txt" last-sale)"
  [[ ! $(value "$RUN/found.txt" schema) < $(value "$manifest" schema) ]] ||
    give_up "the schema is $(value "$RUN/found.txt" schema), in the backup it was $(value "$manifest" schema)"
}
