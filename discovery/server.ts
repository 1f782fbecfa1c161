/**
 * Tells Prometheus, beside it in its pod, which pods and nodes there are: `GET /pods/<namespace>` and `GET /nodes` answer
 * what `http_sd_configs` reads. It keeps nothing: each question is one to the Kubernetes API, and while that doesn't
 * answer, neither does this, and Prometheus goes on with the targets that it knows.
 *
 * Variables: PORT; KUBERNETES_API, such as https://kubernetes.default.svc; TOKEN_FILE, read anew each time since tokens
 * are renewed.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { nodeTargets, podTargets, type Targets } from './targets.ts';

const { PORT = '9098', KUBERNETES_API = 'https://kubernetes.default.svc', TOKEN_FILE = '' } = process.env;
const TIMEOUT_MS = 5000;

async function list(path: string): Promise<unknown> {
  const token = await readFile(TOKEN_FILE, 'utf8');
  // What the API server has in memory will do; it needn't ask its store.
  const response = await fetch(`${KUBERNETES_API}/api/v1/${path}?resourceVersion=0`, {
    headers: { authorization: `Bearer ${token.trim()}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function targetsOf(path: string): Promise<Targets[] | undefined> {
  const [, namespace] = /^\/pods\/([a-z0-9-]+)$/.exec(path) ?? [];
  if (namespace !== undefined) return podTargets(await list(`namespaces/${namespace}/pods`));
  if (path === '/nodes') return nodeTargets(await list('nodes'));
  return undefined;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const server = createServer((request, response) => {
  const path = request.url ?? '/';
  if (path === '/health') {
    answer(response, 200, { status: 'ok' });
    return;
  }
  targetsOf(path)
    .then((targets) => {
      if (targets === undefined) answer(response, 404, { error: 'GET /pods/<namespace> or /nodes' });
      else answer(response, 200, targets);
    })
    .catch((error: unknown) => {
      const msg = error instanceof Error ? error.message : String(error);
      console.error(JSON.stringify({ level: 'error', time: new Date().toISOString(), path, msg }));
      answer(response, 502, { error: msg });
    });
});
server.listen(Number(PORT));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
