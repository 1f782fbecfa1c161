/** `npm run cluster:login`: a kubeconfig in which no key is kept: each call asks GitHub who the workflow is. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from '../cli/errors.ts';

export interface LoginOptions {
  /** What the context is called. */
  readonly context: string;
}

/** Variables that the workflow's environment at GitHub sets; none of them is secret. */
const VARIABLES = {
  server: 'ZAKPOS_CLUSTER_SERVER',
  ca: 'ZAKPOS_CLUSTER_CA',
  audience: 'ZAKPOS_CLUSTER_AUDIENCE',
} as const;

/** The program that asks GitHub; only files that this command has written name it. */
const TOKEN = join(import.meta.dirname, 'token.ts');

export function login({ context }: LoginOptions): void {
  const file = variable('KUBECONFIG');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': context,
    clusters: [
      {
        name: context,
        cluster: {
          server: variable(VARIABLES.server),
          'certificate-authority-data': variable(VARIABLES.ca),
        },
      },
    ],
    users: [
      {
        name: context,
        user: {
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1',
            interactiveMode: 'Never',
            command: process.execPath,
            args: [...['--import', import.meta.resolve('tsx')], ...[TOKEN, variable(VARIABLES.audience)]],
          },
        },
      },
    ],
    contexts: [{ name: context, context: { cluster: context, user: context } }],
  };
  if (existsSync(file) && !readFileSync(file, 'utf8').includes(TOKEN)) {
    throw new CliError(
      `KUBECONFIG names ${file}, which is there and not of this command: its contexts would be lost.`,
      'Name a file that is not there.',
    );
  }
  mkdirSync(dirname(file), { recursive: true });
  // JSON is YAML.
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}

function variable(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  throw new CliError(
    `The variable ${name} is not set.`,
    "Set it in the environment of the repository's settings: docs/how-to/release-and-deploy.md says how.",
  );
}
