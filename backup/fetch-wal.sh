#!/usr/bin/env bash
# fetch-wal.sh NAME FILE: recovery's restore_command. Ends with 1 only for what the archive didn't hold when recovery
# began, which ends recovery; with 255, which stops the server, when something that is there can't be had: recovery must
# not end early and call that a success.
. "$(dirname "$0")/common.sh"

name=$1
grep -qx "$name.gz" "$RUN/archive" || name=$1.partial
grep -qx "$name.gz" "$RUN/archive" || exit 1
if ! store cat "store:$SYSTEM/wal/$name.gz" | gunzip -c >"$2"; then
  say "$name.gz is in the archive and can't be read"
  exit 255
fi
