#!/usr/bin/env bash
# upgrade.sh serve|copy|back: the database's files, of another major version of PostgreSQL. `serve` is run by the image
# of the files, `copy` by the one that they are for, in the same pod: a server on the old files, which nobody can write
# to, and a new one that gets all that is in it. Only when both hold the same, the new files take the place of the old
# ones, which stay beside them. `back` puts those back. Cut off at any point, each can be run again: between its last two
# renames there is no data folder, and whoever comes next, this script or the start of the database, does the last one.
. "$(dirname "$0")/common.sh"

volume=$(dirname "$PGDATA")
new=$PGDATA.upgrading
whole=$PGDATA.restored
requests=$RUN/requests
export PGUSER=postgres PGSSLMODE=disable
own=$(release)

# Tables and sequences that somebody has made.
OWN_TABLES="select oid::regclass from pg_class where relkind in ('r', 'p', 'm', 'S') and relpersistence <> 't'
  and relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
  and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e')"

release_of() { cat "$1/PG_VERSION"; }
# server FOLDER SOCKET OPTION...: closed to the network, open to this pod
server() {
  mkdir -p "$2"
  printf 'local all all trust\n' >"$2/pg_hba.conf"
  postgres -D "$1" -c listen_addresses= -c unix_socket_directories="$2" -c hba_file="$2/pg_hba.conf" -c ssl=off \
    -c shared_preload_libraries= -c log_min_error_statement=panic "${@:3}"
}
before() { PGHOST=$RUN/before "$@"; }
after() { PGHOST=$RUN/after "$@"; }
# up SOCKET: waits for a server, as long as it takes to replay its log
up() {
  until PGHOST=$1 pg_isready -q -d postgres; do
    [ ! -e "$1/ended" ] || die "the server of $1 does not start"
    sleep 0.2
  done
}
# gone: whether the server of the old files has ended
gone() {
  local code=0
  before pg_isready -q -d postgres || code=$?
  [ $code = 2 ]
}
# swap FOLDER: it becomes the data folder, and what was that is kept under its release
swap() {
  local kept
  kept=$PGDATA.$(release_of "$PGDATA")-$UPGRADE_ID
  sync
  [ "$1" = "$whole" ] || mv "$1" "$whole"
  mv "$PGDATA" "$kept"
  mv "$whole" "$PGDATA"
  sync
  say "the files of before are in $kept"
}

# Ends with the copy, whose pipe closes however that ends. Both hold the volume: a copy that is killed leaves this one.
serve() {
  mkfifo "$requests"
  while read -r; do
    { hold "$volume" -s && server "$PGDATA" "$RUN/before" -c default_transaction_read_only=on -c autovacuum=off || touch "$RUN/before/ended"; } &
  done <"$requests"
  [ ! -e "$RUN/before" ] || pg_ctl -D "$PGDATA" -m fast -w -t 600 stop
}

copy() {
  until [ -p "$requests" ]; do sleep 0.2; done
  exec 5>"$requests"
  hold "$volume" -s
  [ ! -e "$whole" ] || [ -e "$PGDATA" ] || mv "$whole" "$PGDATA"
  [ -s "$PGDATA/PG_VERSION" ] || give_up "there is no database on the volume"
  if [ "$(release_of "$PGDATA")" = "$own" ]; then
    say "the files are of PostgreSQL $own"
    return
  fi
  [ "$(release_of "$PGDATA")" -lt "$own" ] ||
    give_up "the files are of PostgreSQL $(release_of "$PGDATA"), and $own is older: \`--back\` takes an upgrade back"

  rm -rf "$new" "$whole"
  local free needed
  # Beside the data, the new server's log and what it makes of its own.
  needed=$(($(du -sk "$PGDATA/base" | cut -f1) * 11 / 10 + 1179648))
  free=$(df -Pk "$volume" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$needed" ] ||
    give_up "the volume has $((free / 1024)) MiB free, and the new files need $((needed / 1024)) beside those that are there: grow the claim"

  # A copy that fails gives its room back.
  trap '[ ! -e "$new" ] || { pg_ctl -D "$new" -m immediate -w stop || true; rm -rf "$new"; } >/dev/null 2>&1' EXIT
  echo start >&5
  say "making files of PostgreSQL $own out of those of $(release_of "$PGDATA")"
  initdb -D "$new" -U "$PGUSER" --encoding=UTF-8 --lc-collate=C --lc-ctype=C --auth=trust >"$RUN/initdb.log" 2>&1 ||
    die "$(tail -3 "$RUN/initdb.log")"
  # What isn't whole is thrown away, so nothing is synced before the end.
  { server "$new" "$RUN/after" -c fsync=off -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=256MB || touch "$RUN/after/ended"; } 5>&- &
  up "$RUN/before"
  up "$RUN/after"

  # The roles with their passwords, as these are kept.
  before pg_dumpall --globals-only >"$RUN/globals.sql"
  sed "/^CREATE ROLE $PGUSER;$/d" "$RUN/globals.sql" | after query -d postgres
  rm "$RUN/globals.sql"
  before query -d postgres -c "select datname from pg_database where datname <> 'postgres' and not datistemplate and datallowconn" >"$RUN/databases"
  before query -d postgres -c "select datname from pg_database where not datallowconn and not datistemplate" >"$RUN/closed"
  [ -s "$RUN/databases" ] || give_up "there is no database to copy"
  before query -d postgres -c "$OWN_TABLES" >"$RUN/tables"
  [ ! -s "$RUN/tables" ] ||
    give_up "the database postgres is not copied, and holds $(paste -sd ' ' "$RUN/tables"): move that into another one"
  local database
  while read -r database; do say "$database lets nobody connect, and stays behind"; done <"$RUN/closed"
  while read -r database; do
    say "copying $database"
    before pg_dump --format=custom --compress=0 --create --dbname="$database" |
      after pg_restore --create --exit-on-error --dbname=postgres
    compare "$database"
  done <"$RUN/databases"
  say "analyzing"
  after vacuumdb --quiet --all --analyze-only
  pg_ctl -D "$new" -m fast -w -t 600 stop >/dev/null
  exec 5>&-
  until gone; do sleep 0.2; done
  mv "$new" "$whole"
  swap "$whole"
  say "the database is one of PostgreSQL $own"
}

# compare DATABASE: fails unless both servers hold the same; shows the rows of each table
compare() {
  before query -d "$1" -f "$SCRIPTS/checksums.sql" | sort >"$RUN/before.txt"
  after query -d "$1" -f "$SCRIPTS/checksums.sql" | sort >"$RUN/after.txt"
  cmp -s "$RUN/before.txt" "$RUN/after.txt" ||
    give_up "$1 is not the same in both: $(comm -3 "$RUN/before.txt" "$RUN/after.txt" | tr -s '\t\n' '  ')"
  awk -v database="$1" '$1 == "table" { tables++; rows += $3 } END {
    printf "%s: %d rows in %d tables, all of them the same\n", database, rows, tables }' "$RUN/after.txt" >&2
}

back() {
  hold "$volume"
  [ ! -e "$whole" ] || [ -e "$PGDATA" ] || mv "$whole" "$PGDATA"
  if [ "$(release_of "$PGDATA")" = "$own" ]; then
    say "the files are of PostgreSQL $own"
    return
  fi
  [ "$(release_of "$PGDATA")" -gt "$own" ] ||
    give_up "the files are of PostgreSQL $(release_of "$PGDATA"), and $own is newer: without \`--back\`, an upgrade takes them along"
  local folder found=
  for folder in "$PGDATA.$own"-* "$whole"; do
    [ ! -e "$folder/PG_VERSION" ] || [ "$(release_of "$folder")" != "$own" ] || found=$folder
  done
  [ -n "$found" ] || give_up "no files of PostgreSQL $own are beside those of $(release_of "$PGDATA")"
  swap "$found"
  say "the database is the one of PostgreSQL $own again"
}

"$1"
