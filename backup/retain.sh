#!/usr/bin/env bash
# retain.sh SYSTEM: drops the backups of a database that retention no longer keeps, and the log before the oldest base
# backup. Only good ones count: as long as no newer ones are, the last ones stay, however old.
. "$(dirname "$0")/common.sh"

# since SECONDS: the id of that time ago
since() { date -d "@$(($(date +%s) - $1))" +%Y%m%dT%H%M%SZ; }

# generations: of the ids on standard input, newest first, those to keep: all of the last day, and the last one of each
# of so many days, weeks and months
generations() {
  local id date rest days=" " weeks=" " months=" " yesterday
  yesterday=$(since 86400)
  while read -r id; do
    date="${id:0:4}-${id:4:2}-${id:6:2}"
    rest=$(date -d "$date 00:00" +"%Y-%m %GW%V")
    keep=no
    [[ $id < $yesterday ]] || keep=yes
    claim days "$date" "$RETAIN_DAILY"
    claim weeks "${rest#* }" "$RETAIN_WEEKLY"
    claim months "${rest% *}" "$RETAIN_MONTHLY"
    [ $keep = no ] || echo "$id"
  done
}

# claim LIST NAME COUNT: keeps the id when NAME is not in LIST yet, which has room for COUNT
claim() {
  local -n list=$1
  local names
  read -ra names <<<"$list"
  case $list in *" $2 "*) return ;; esac
  [ ${#names[@]} -lt "$3" ] || return 0
  list+="$2 "
  keep=yes
}

# window: of the ids on standard input, newest first, those to keep: all since so long ago, and the last one before
window() {
  local id begin
  begin=$(since "$RETAIN_POINT_IN_TIME")
  while read -r id; do
    echo "$id"
    [[ $id > $begin ]] || return 0
  done
}

# Sourced by its test.
[ "${BASH_SOURCE[0]}" = "$0" ] || return 0

system=$1
use_storage
yesterday=$(since 86400)

# sweep KIND: sets KEPT to the ids that stay, and deletes the other folders
sweep() {
  local kind=$1 files good id
  files=$(list -R --files-only "store:$system/$kind")
  good=$(sed -n 's|/manifest.txt$||p' <<<"$files" | sort -r)
  KEPT=$([ "$kind" = base ] && window <<<"$good" || generations <<<"$good")
  [ -n "$KEPT" ] || die "no good $kind is in the bucket: nothing is deleted"
  for id in $(cut -d/ -f1 <<<"$files" | sort -u); do
    grep -qx "$id" <<<"$KEPT" && continue
    # One that has no manifest may be on its way.
    grep -qx "$id" <<<"$good" || [[ $id < $yesterday ]] || continue
    say "dropping $kind $id"
    # The manifest first: what is cut off in the middle of this is no backup any more.
    store deletefile "store:$system/$kind/$id/manifest.txt" 2>/dev/null || true
    LIMIT=$LONG store purge "store:$system/$kind/$id"
  done
}

sweep dump
sweep base
oldest=$(tail -1 <<<"$KEPT")
first=$(store cat "store:$system/base/$oldest/manifest.txt" | sed -n 's/^start-wal //p')
# Names in the order of the log, whatever the timeline, as pg_archivecleanup has it.
list --files-only "store:$system/wal" |
  awk -v first="${first:8:16}" 'length($1) >= 27 && $1 !~ /history/ && substr($1, 9, 16) < first' >"$RUN/old-wal"
if [ -s "$RUN/old-wal" ]; then
  say "dropping $(wc -l <"$RUN/old-wal") segments of log before base $oldest"
  LIMIT=$LONG store delete --files-from "$RUN/old-wal" "store:$system/wal"
fi

list --files-only store:drills | sort -r | tail -n +101 >"$RUN/old-drills"
[ ! -s "$RUN/old-drills" ] || store delete --files-from "$RUN/old-drills" store:drills
