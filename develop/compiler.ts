/** The compiler as a process of its own, which takes its memory along when it ends. */
import { type Request, transpile } from './transpile.ts';

process.on('message', (request: Request) => {
  process.send?.(transpile(request));
});
