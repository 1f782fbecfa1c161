#!/usr/bin/env bash
# Writes each minute what the bucket says of itself as metrics: whatever ends silently shows up there.
. "$(dirname "$0")/common.sh"

RCLONE_CONFIG=$RUN/metrics.conf
PAGE=/metrics/metrics.txt

gauge() { printf '# HELP %s %s\n# TYPE %s gauge\n' "$1" "$2" "$1"; }
seconds() { date -d "$(sed 's/\(....-..-..\)T\(.*\)Z/\1 \2/' <<<"$1")" +%s; }

# newest METRIC FUNCTION: what FUNCTION reads from the newest manifest of each kind
newest() {
  local kind
  for kind in base dump; do
    [ ! -s "$RUN/newest-$kind" ] || echo "$1{kind=\"$kind\"} $("$2" "$RUN/newest-$kind")"
  done
}
finished_at() { seconds "$(value "$1" finished)"; }
size() { value "$1" file | cut -d' ' -f2; }
duration() { echo $(($(finished_at "$1") - $(seconds "$(value "$1" started)"))); }

measure() {
  local kind path drill
  list -R --files-only store: >"$RUN/listing" || return 1
  for kind in base dump; do
    path=$(grep "^[^/]*/$kind/[^/]*/manifest.txt$" "$RUN/listing" | sort -t/ -k3,3r | head -1)
    [ -z "$path" ] || store cat "store:$path" >"$RUN/newest-$kind" || return 1
  done
  gauge zakpos_backup_good 'Good backups in the bucket.'
  for kind in base dump; do
    echo "zakpos_backup_good{kind=\"$kind\"} $(grep -c "^[^/]*/$kind/[^/]*/manifest.txt$" "$RUN/listing")"
  done
  gauge zakpos_backup_last_success_timestamp_seconds 'When the newest good backup was finished.'
  newest zakpos_backup_last_success_timestamp_seconds finished_at
  gauge zakpos_backup_size_bytes 'Size of the newest good backup, compressed.'
  newest zakpos_backup_size_bytes size
  gauge zakpos_backup_duration_seconds 'How long the newest good backup took.'
  newest zakpos_backup_duration_seconds duration
  gauge zakpos_backup_wal_gap 'Whether log is missing after the newest base backup.'
  echo "zakpos_backup_wal_gap $(gap)"
  drill=$(grep '^drills/' "$RUN/listing" | sort | tail -1)
  [ -n "$drill" ] || return 0
  store cat "store:$drill" >"$RUN/drill" || return 1
  gauge zakpos_restore_drill_last_timestamp_seconds 'When the last rehearsal of a restore ended.'
  echo "zakpos_restore_drill_last_timestamp_seconds $(seconds "$(value "$RUN/drill" finished)")"
  gauge zakpos_restore_drill_success 'Whether the last rehearsal of a restore succeeded.'
  echo "zakpos_restore_drill_success $([[ $drill == *-good.txt ]] && echo 1 || echo 0)"
  gauge zakpos_restore_drill_duration_seconds 'How long the last rehearsal of a restore took.'
  echo "zakpos_restore_drill_duration_seconds $(value "$RUN/drill" seconds)"
  drill=$(grep '^drills/.*-good.txt$' "$RUN/listing" | sort | tail -1)
  [ -n "$drill" ] || return 0
  store cat "store:$drill" >"$RUN/drill" || return 1
  gauge zakpos_restore_drill_last_success_timestamp_seconds 'When the last good rehearsal of a restore ended.'
  echo "zakpos_restore_drill_last_success_timestamp_seconds $(seconds "$(value "$RUN/drill" finished)")"
}

# gap: 1 when a segment between the newest base backup and the last one in the bucket is not there
gap() {
  local base=$RUN/newest-base end next name missing=0
  [ -s "$base" ] || { echo 0 && return; }
  # A base backup brings the log that it needs itself.
  end=$(value "$base" end-wal)
  next=$(($(position "$end") + 1))
  while read -r name; do
    name=$(position "$name")
    [ "$name" -le $next ] || missing=1
    [ "$name" -lt $next ] || next=$((name + 1))
  done < <(sed -n "s|^$(value "$base" system)/wal/\([0-9A-F]\{24\}\)\..*|\1|p" "$RUN/listing" | sort -k1.9)
  echo $missing
}

trap 'exit 0' TERM
while :; do
  use_storage
  up=0
  if measure >"$RUN/page.new" 2>"$RUN/metrics.log"; then
    up=1
    mv "$RUN/page.new" "$RUN/page"
  else
    say "the bucket can't be read: $(tail -1 "$RUN/metrics.log")"
  fi
  {
    cat "$RUN/page" 2>/dev/null || true
    gauge zakpos_backup_storage_up 'Whether the bucket answered.'
    echo "zakpos_backup_storage_up $up"
    if [ -s "$RUN/shipped" ]; then
      gauge zakpos_backup_wal_uploaded_timestamp_seconds 'When all that was received was in the bucket.'
      echo "zakpos_backup_wal_uploaded_timestamp_seconds $(cat "$RUN/shipped")"
    fi
  } >"$PAGE.new"
  mv "$PAGE.new" "$PAGE"
  sleep 30 &
  wait $!
done
