# What the scripts of this folder share. They run in the PostgreSQL image, beside a copy of rclone.
#
# The bucket, below its prefix, all of it encrypted by rclone's crypt before it leaves the pod:
#   <system>/wal/<segment>.gz              write-ahead log of one database, by its system identifier
#   <system>/wal/<segment>.partial.gz      the beginning of the segment that is being written
#   <system>/base/<id>/base.tar.gz         a base backup; <id> is when it began
#   <system>/dump/<id>/dump.pgc            a dump in pg_dump's custom format
#   <system>/{base,dump}/<id>/manifest.txt written last: a backup without it isn't one
#   drills/<id>-{good,failed}.txt          what came of a rehearsal
set -euo pipefail
export LC_ALL=C TZ=UTC

SCRIPTS=$(dirname "${BASH_SOURCE[0]}")
SECRETS=/run/secrets
RUN=/run/backup
export RCLONE_CONFIG=$RUN/rclone.conf PGPASSFILE=$RUN/pgpass
SLOT=zakpos_backup

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&2; }
die() { say "$*" && exit 1; }
# For what a second try can't mend: the Job has failed with it (charts/backup-pod.ts).
give_up() { say "$*" && exit 3; }
now() { date +%Y-%m-%dT%H:%M:%SZ; }
new_id() { date +%Y%m%dT%H%M%SZ; }

# rclone, for no longer than LIMIT seconds: it would try a bucket that is silent for many minutes. Whoever calls it tries
# again in its own time.
store() {
  timeout "${LIMIT:-60}" "$RCLONE" --log-level ERROR --contimeout 10s --timeout 30s --retries 1 --low-level-retries 2 \
    --stats 0 "$@"
}
# For what is as large as the database.
LONG=86400

# list ARGUMENT...: rclone lsf, for which a folder that isn't there is an empty one
list() {
  store lsf "$@" 2>"$RUN/list.log" || [ $? = 3 ] || {
    say "the bucket does not answer: $(tail -1 "$RUN/list.log")"
    return 1
  }
}

# Keys go from files to a file in memory, so that no environment and no process list has them.
use_storage() {
  local endpoint=
  [ -z "$S3_ENDPOINT" ] || endpoint="endpoint = $S3_ENDPOINT"
  (
    umask 077
    cat >"$RCLONE_CONFIG.$$" <<CONF
[s3]
type = s3
provider = $([ -n "$S3_ENDPOINT" ] && echo Other || echo AWS)
$endpoint
region = $S3_REGION
access_key_id = $(cat $SECRETS/s3/access-key-id)
secret_access_key = $(cat $SECRETS/s3/secret-access-key)
no_check_bucket = true
chunk_size = $S3_CHUNK_SIZE
upload_concurrency = 2
[store]
type = crypt
remote = s3:$S3_BUCKET/$S3_PREFIX
filename_encryption = off
directory_name_encryption = false
password = $("$RCLONE" obscure - <$SECRETS/backup-key/password)
CONF
  )
  mv "$RCLONE_CONFIG.$$" "$RCLONE_CONFIG"
}

# Logs in as the backup role, with the login and password that its Secret has now.
use_database() {
  PGUSER=$(cat $SECRETS/postgres/username)
  export PGUSER
  (
    umask 077
    printf '*:*:*:%s:%s\n' "$PGUSER" "$(sed 's/[\\:]/\\&/g' $SECRETS/postgres/password)" >"$PGPASSFILE.$$"
  )
  mv "$PGPASSFILE.$$" "$PGPASSFILE"
}

# release: the major version of the image's PostgreSQL
release() { postgres --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'; }

# hold VOLUME [-s]: keeps others from it, or those that don't share it, for as long as this process or one that it has
# started is there: two servers must not write to one folder, and postmaster.pid means nothing in another pod. The
# database does the same (charts/postgres.ts). A flock that says anything can't lock, which is no reason not to work.
hold() {
  local said
  exec 9<"$1"
  said=$(flock -n "${@:2}" 9 2>&1) || [ -n "$said" ] || {
    say "a server is at work on the volume; nothing was changed"
    return 1
  }
}

query() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }

# identify: sets SYSTEM, the identifier of the database, and TIMELINE
identify() {
  local answer
  answer=$(query 'replication=true' -F ' ' -c 'IDENTIFY_SYSTEM')
  read -r SYSTEM TIMELINE _ <<<"$answer"
}

# digest FIFO FILE: writes the bytes and SHA-256 of what passes through FIFO to FILE, in the background, as DIGEST_PID
digest() {
  mkfifo "$1"
  { tee >(wc -c >"$2.bytes") <"$1" | sha256sum | cut -d' ' -f1 >"$2.sum"; } &
  DIGEST_PID=$!
}

# facts [SNAPSHOT [SALE]]: the lines of facts.sql
facts() { query -v snapshot="${1-}" -v sale="${2-}" -f "$SCRIPTS/facts.sql"; }

# value MANIFEST KEY: what stands behind KEY
value() { sed -n "s/^$2 //p" "$1" | head -1; }

# segment TIMELINE LSN: name of the segment, of 16 MiB, that holds a position in the log
segment() { printf '%08X%08X%08X\n' "$1" $((16#${2%/*})) $((16#${2#*/} >> 24)); }

# position SEGMENT: its place in the log, whatever the timeline
position() { echo $((16#${1:8:8} * 256 + 16#${1:16:8})); }
