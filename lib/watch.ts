/**
 * Lines of a shell script that run `command` in the background each time the content of `file` has changed, again
 * until it succeeds. The kubelet replaces the files of a Secret within about a minute; a server that can load them
 * anew needs no restart for that.
 */
export const whenFileChanges = (file: string, command: string): string => `(
  known=$(cksum < ${file})
  while sleep 5; do
    now=$(cksum < ${file}) && [ "$now" != "$known" ] && { ${command}; } && known=$now
  done
) &
`;
