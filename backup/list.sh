#!/usr/bin/env bash
# Prints the manifests of all good backups, each after an empty line.
. "$(dirname "$0")/common.sh"

RCLONE_CONFIG=$RUN/list.conf
use_storage
list -R --files-only --include "*/*/*/manifest.txt" store: | sort -t/ -k3,3 | while read -r path; do
  echo
  store cat "store:$path"
done
