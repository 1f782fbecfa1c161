/** Node.js' inspector, as a debugger speaks to it. */
import { SourceMap } from 'node:module';
import WebSocket from 'ws';
import { z } from 'zod';
import { eventually } from './harness.ts';

const targets = z.array(z.object({ webSocketDebuggerUrl: z.string() }));
const script = z.object({ scriptId: z.string(), url: z.string(), sourceMapURL: z.string().default('') });
const map = z.object({
  version: z.number(),
  file: z.string(),
  sources: z.array(z.string()),
  sourcesContent: z.array(z.string()),
  names: z.array(z.string()),
  mappings: z.string(),
  sourceRoot: z.string(),
});
const message = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
});
const pause = z.object({
  callFrames: z.array(z.object({ location: z.object({ scriptId: z.string(), lineNumber: z.number() }) })),
});

/** A script that runs, with the file that its source map names. */
export interface Script {
  readonly id: string;
  readonly url: string;
  /** URL of the source. */
  readonly source: string;
  /** Line and column of what was made of a line of the source; all from 0. */
  readonly placeOf: (sourceLine: number) => { lineNumber: number; columnNumber: number };
}

export class Inspector {
  private readonly socket: WebSocket;
  private readonly found: z.output<typeof script>[] = [];
  private readonly pauses: z.output<typeof pause>[] = [];
  private readonly answers = new Map<number, string | undefined>();
  private calls = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      const { id, method, params, error } = message.parse(JSON.parse(data.toString()));
      if (id !== undefined) this.answers.set(id, error?.message);
      if (method === 'Debugger.scriptParsed') this.found.push(script.parse(params));
      if (method === 'Debugger.paused') this.pauses.push(pause.parse(params));
    });
  }

  /** Attaches to the process whose inspector answers on a port of this machine. */
  static async attach(port: number): Promise<Inspector> {
    const list = await eventually(`an inspector on port ${port}`, 30, async () =>
      targets.parse(await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()),
    );
    const socket = new WebSocket(list[0]?.webSocketDebuggerUrl ?? '');
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const inspector = new Inspector(socket);
    await inspector.call('Debugger.enable');
    return inspector;
  }

  /** The script whose source map names a file. */
  script(path: string): Promise<Script> {
    return eventually(`a script of ${path}`, 10, () =>
      Promise.resolve(this.found.map(scriptOf).find((each) => each?.source.endsWith(path) === true)),
    );
  }

  async breakAt({ url, placeOf }: Script, sourceLine: number): Promise<void> {
    await this.call('Debugger.setBreakpointByUrl', { url, ...placeOf(sourceLine) });
  }

  /** Waits for a pause, and goes on after it; answers in which script it was. */
  async pausedIn(): Promise<string | undefined> {
    const paused = await eventually('a pause', 20, () => Promise.resolve(this.pauses.shift()));
    await this.call('Debugger.resume');
    return paused.callFrames[0]?.location.scriptId;
  }

  async detach(): Promise<void> {
    await this.call('Debugger.disable');
    this.socket.close();
  }

  private async call(method: string, params: object = {}): Promise<void> {
    const id = ++this.calls;
    this.socket.send(JSON.stringify({ id, method, params }));
    await eventually(method, 20, () => Promise.resolve(this.answers.has(id) || undefined));
    const error = this.answers.get(id);
    if (error !== undefined) throw new Error(`${method}: ${error}`);
  }
}

function scriptOf({ scriptId, url, sourceMapURL }: z.output<typeof script>): Script | undefined {
  const [, data] = /^data:application\/json;base64,(.+)$/.exec(sourceMapURL) ?? [];
  if (data === undefined || !url.startsWith('file:')) return undefined;
  const found = map.safeParse(JSON.parse(Buffer.from(data, 'base64').toString()));
  if (!found.success) return undefined;
  const { sourceRoot, sources } = found.data;
  const lines = found.data.mappings.split(';').length;
  return {
    id: scriptId,
    url,
    source: new URL(`${sourceRoot}${sources[0] ?? ''}`, url).href,
    placeOf: (sourceLine) => {
      const payload = new SourceMap(found.data);
      for (let lineNumber = 0; lineNumber < lines; lineNumber++) {
        for (const columnNumber of [4, 8]) {
          const entry = payload.findEntry(lineNumber, columnNumber);
          if (
            'originalLine' in entry &&
            entry.originalLine === sourceLine &&
            entry.generatedLine === lineNumber
          )
            return { lineNumber, columnNumber };
        }
      }
      throw new Error(`nothing was made of line ${sourceLine + 1} of ${sources[0] ?? ''}`);
    },
  };
}
