/**
 * Tells Prometheus, beside it in its pod, which pods and nodes there are, and how often containers were started anew:
 * `GET /pods/<namespace>` and `GET /nodes` answer what `http_sd_configs` reads, `GET /metrics` metrics. It keeps nothing
 * but the last lists for a few seconds, since all that is asked for is asked at once. While the Kubernetes API doesn't
 * answer, neither does this, and Prometheus goes on with the targets that it knows.
 *
 * Variables: PORT; NAMESPACES whose containers it tells of, separated by commas; KUBERNETES_API, such as
 * https://kubernetes.default.svc; TOKEN_FILE, read anew each time since tokens are renewed.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { restartMetrics } from './restarts.ts';
import { nodeTargets, podTargets } from './targets.ts';

const {
  PORT = '9098',
  NAMESPACES = '',
  KUBERNETES_API = 'https://kubernetes.default.svc',
  TOKEN_FILE = '',
} = process.env;
const TIMEOUT_MS = 5000;
const KEPT_MS = 5000;

interface Kept {
  readonly at: number;
  readonly list: Promise<unknown>;
}
const kept = new Map<string, Kept>();

/** A list of the Kubernetes API, of now or of a few seconds ago. */
function list(path: string): Promise<unknown> {
  const known = kept.get(path);
  if (known !== undefined && Date.now() - known.at < KEPT_MS) return known.list;
  const asked = ask(path);
  kept.set(path, { at: Date.now(), list: asked });
  // What failed is asked for anew.
  asked.catch(() => kept.delete(path));
  return asked;
}

async function ask(path: string): Promise<unknown> {
  const token = await readFile(TOKEN_FILE, 'utf8');
  // What the API server has in memory will do; it needn't ask its store.
  const response = await fetch(`${KUBERNETES_API}/api/v1/${path}?resourceVersion=0`, {
    headers: { authorization: `Bearer ${token.trim()}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

const podsOf = (namespace: string): Promise<unknown> => list(`namespaces/${namespace}/pods`);

interface Answer {
  readonly type: string;
  readonly text: string;
}
const json = (body: unknown): Answer => ({ type: 'application/json', text: JSON.stringify(body) });

/** Nothing for what isn't asked of this program. */
async function answerTo(path: string): Promise<Answer | undefined> {
  const [, namespace] = /^\/pods\/([a-z0-9-]+)$/.exec(path) ?? [];
  if (namespace !== undefined) return json(podTargets(await podsOf(namespace)));
  switch (path) {
    case '/nodes':
      return json(nodeTargets(await list('nodes')));
    case '/metrics': {
      const lists = await Promise.all(NAMESPACES.split(',').map(podsOf));
      return { type: 'text/plain; version=0.0.4', text: restartMetrics(lists) };
    }
    case '/health':
      return json({ status: 'ok' });
    default:
      return undefined;
  }
}

const server = createServer((request, response) => {
  const path = request.url ?? '/';
  const send = (status: number, { type, text }: Answer): void => {
    response.writeHead(status, { 'content-type': type }).end(text);
  };
  answerTo(path)
    .then((answer) => {
      if (answer === undefined) send(404, json({ error: 'GET /pods/<namespace>, /nodes or /metrics' }));
      else send(200, answer);
    })
    .catch((error: unknown) => {
      const msg = error instanceof Error ? error.message : String(error);
      console.error(JSON.stringify({ level: 'error', time: new Date().toISOString(), path, msg }));
      send(502, json({ error: msg }));
    });
});
server.listen(Number(PORT));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
