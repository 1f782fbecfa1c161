#!/usr/bin/env bash
# Makes a dump and a base backup, reads both back, and says so in a manifest; then drops what retention no longer keeps.
. "$(dirname "$0")/common.sh"

work=$(mktemp -d -p "$RUN")
trap 'rm -rf "$work"; kill $(jobs -p) 2>/dev/null || true' EXIT

# begin KIND: a manifest with what is known at the beginning
begin() {
  rm -rf "$work"
  mkdir "$work"
  id=$(new_id)
  printf 'kind %s\nid %s\nsystem %s\nstarted %s\n' "$1" "$id" "$SYSTEM" "$(now)" >"$work/manifest.txt"
}

# finish KIND FILE FOLDER: FILE is good when what was read back is what was sent; only then there is a manifest
finish() {
  local kind=$1 file=$2 target=$3
  wait $DIGEST_PID
  [ "$(cat "$work/back.sum")" = "$(cat "$work/sent.sum")" ] ||
    die "the $kind reads back other than it was sent: it is no good and has no manifest"
  {
    echo "file $file $(tr -d ' ' <"$work/sent.bytes") $(cat "$work/sent.sum")"
    echo "finished $(now)"
  } >>"$work/manifest.txt"
  store copyto "$work/manifest.txt" "store:$target/manifest.txt"
  say "$kind $(value "$work/manifest.txt" id) is good: $(value "$work/manifest.txt" file)"
}

dump() {
  begin dump
  local target=$SYSTEM/dump/$id
  # One session keeps the snapshot that both the dump and the counts see.
  mkfifo "$work/session"
  query -f "$work/session" >"$work/snapshot" &
  local session=$!
  exec 4>"$work/session"
  cat >&4 <<SQL
set idle_in_transaction_session_timeout = 0;
begin isolation level repeatable read read only;
select pg_export_snapshot();
SQL
  until [ -s "$work/snapshot" ]; do
    kill -0 $session 2>/dev/null || die "the database gives no snapshot"
    sleep 0.1
  done
  facts "$(head -1 "$work/snapshot")" >>"$work/manifest.txt"

  say "dumping into $target"
  digest "$work/sent.fifo" "$work/sent"
  pg_dump --format=custom --compress=6 --snapshot="$(head -1 "$work/snapshot")" |
    tee "$work/sent.fifo" | LIMIT=$LONG store rcat "store:$target/dump.pgc"
  wait $DIGEST_PID
  exec 4>&-
  wait $session

  digest "$work/back.fifo" "$work/back"
  LIMIT=$LONG store cat "store:$target/dump.pgc" | tee "$work/back.fifo" | { pg_restore --list >"$work/list" && cat >/dev/null; }
  local table
  while read -r _ table _; do
    grep -q " TABLE DATA public $table " "$work/list" || die "the dump lists no data of table $table"
  done < <(grep '^rows ' "$work/manifest.txt")
  finish dump dump.pgc "$target"
  # A migration that rewrites data looks here for a backup from before it.
  query -v id="$id" -v schema="$(value "$work/manifest.txt" schema)" <<'SQL'
select to_regclass('public.backups') is not null as wanted \gset
\if :wanted
insert into backups (id, kind, schema_version) values (:'id', 'dump', :'schema');
\endif
SQL
}

base() {
  begin base
  local target=$SYSTEM/base/$id
  facts >>"$work/manifest.txt"

  say "base backup into $target"
  digest "$work/sent.fifo" "$work/sent"
  pg_basebackup --pgdata=- --format=tar --wal-method=fetch --checkpoint=fast --compress=client-gzip:1 \
    --manifest-checksums=SHA256 --verbose 2>"$work/log" |
    tee "$work/sent.fifo" | LIMIT=$LONG store rcat "store:$target/base.tar.gz" || die "$(tail -3 "$work/log")"
  wait $DIGEST_PID
  local start end timeline
  start=$(sed -n 's/.*write-ahead log start point: \([^ ]*\) on timeline.*/\1/p' "$work/log")
  timeline=$(sed -n 's/.*write-ahead log start point: .* on timeline \([0-9]*\).*/\1/p' "$work/log")
  end=$(sed -n 's/.*write-ahead log end point: \(.*\)/\1/p' "$work/log")
  printf 'start-wal %s\nend-wal %s\n' "$(segment "$timeline" "$start")" "$(segment "$timeline" "$end")" >>"$work/manifest.txt"

  digest "$work/back.fifo" "$work/back"
  LIMIT=$LONG store cat "store:$target/base.tar.gz" | tee "$work/back.fifo" | gunzip -c | tar -t >"$work/list"
  for file in PG_VERSION backup_label backup_manifest global/pg_control; do
    grep -qx "\(./\)\?$file" "$work/list" || die "the base backup lists no $file"
  done
  finish base base.tar.gz "$target"
}

use_storage
list store: >"$RUN/listing"
use_database
identify
dump
base
bash "$SCRIPTS/retain.sh" "$SYSTEM"
