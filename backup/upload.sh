#!/usr/bin/env bash
# Ships what receive.sh has received, and notes up to when that is all there was. A whole segment leaves the claim once
# it was read back from the bucket; the beginning of the next goes along every few seconds, so that the loss of a node
# costs no more than those.
. "$(dirname "$0")/common.sh"

INTERVAL=5
scratch=$RUN/upload.gz

# put FILE NAME: FILE is in the bucket as NAME, and reads back as it is
put() {
  gzip -1 -c "$1" >"$scratch"
  # Another server may write under this name: what is there is never replaced by anything else.
  store copyto --immutable "$scratch" "store:$2" 2>"$RUN/upload.log" || true
  if ! store cat "store:$2" 2>>"$RUN/upload.log" | gunzip -c 2>/dev/null | cmp -s - "$1"; then
    say "$2 does not read back as it is: $(tail -1 "$RUN/upload.log")"
    return 1
  fi
}

# begin FILE NAME: the beginning of a segment, as far as it goes
begin() {
  local sum
  cp "$1" "$RUN/partial" 2>/dev/null || return 0 # it has just become whole
  sum=$(cksum <"$RUN/partial")
  sum="$2 $sum"
  [ "$sum" != "$(cat "$RUN/partial.sum" 2>/dev/null)" ] || return 0
  gzip -1 -c "$RUN/partial" >"$scratch"
  store copyto --ignore-times "$scratch" "store:$2" 2>"$RUN/upload.log" || {
    say "$2: $(tail -1 "$RUN/upload.log")"
    return 1
  }
  echo "$sum" >"$RUN/partial.sum"
}

ship() {
  local folder file name system
  for folder in /wal/*-*/; do
    [ -d "$folder" ] || continue
    system=$(basename "$folder")
    system=${system%-*}
    for file in "$folder"*; do
      name=$(basename "$file")
      case $name in
        *.history | [0-9A-F]*[0-9A-F])
          put "$file" "$system/wal/$name.gz" || return 1
          rm "$file"
          store deletefile "store:$system/wal/$name.partial.gz" 2>/dev/null || true
          ;;
        *.partial) begin "$file" "$system/wal/$name.gz" || return 1 ;;
      esac
    done
    # Of the timeline before a restore, nothing more comes.
    [ ! -s /wal/current ] || [ "$(basename "$folder")" = "$(cat /wal/current)" ] || rm -r "$folder"
  done
}

trap 'exit 0' TERM
use_storage
while :; do
  began=$(date +%s)
  received=$(cat "$RUN/received" 2>/dev/null || true)
  if ship; then
    echo "$began" >"$RUN/uploaded"
    [ -z "$received" ] || echo "$received" >"$RUN/shipped"
  else
    use_storage # its credentials may have been changed
  fi
  sleep $INTERVAL &
  wait $!
done
