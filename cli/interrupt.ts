/** For what goes on until somebody ends it: Ctrl-C is its end, where it would be an interruption of anything else. */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  process.removeAllListeners('SIGINT');
  process.once('SIGINT', () => {
    controller.abort();
  });
  return controller.signal;
}
