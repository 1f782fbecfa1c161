import type { z } from 'zod';

import { reasonOf } from '../common/reason.js';
import { Refusal } from '../common/refusal.js';
import { Secret } from './secret.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Every problem of the environment in one message: variable, value, what is expected. */
export class ConfigurationError extends Refusal {
  constructor(problems: readonly string[]) {
    super(`The configuration is wrong. ${problems.join('. ')}.`);
    this.name = 'ConfigurationError';
  }
}

/** Parses the environment by a schema; an empty variable counts as not set. */
export function parseEnvironment<Schema extends z.ZodType>(
  schema: Schema,
  environment: Environment,
): z.output<Schema> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new ConfigurationError(parsed.error.issues.map((issue) => describe(issue, given)));
}

interface SecretOptions {
  readonly minimumLength?: number;
  readonly required?: boolean;
  /** A file that isn't there counts as no value. */
  readonly fileMayBeMissing?: boolean;
}

/** Reads a secret from `NAME`, or from `NAME_FILE`, which wins, reporting what is wrong with it as a problem of the schema. */
export function readSecret(
  name: string,
  given: Readonly<Record<string, unknown>>,
  context: z.RefinementCtx,
  { minimumLength = 0, required = false, fileMayBeMissing = false }: SecretOptions = {},
): Secret {
  const fileVariable = `${name}_FILE`;
  const file = given[fileVariable];
  const value = given[name];
  try {
    const secret =
      typeof file === 'string'
        ? Secret.ofFile(fileVariable, file, minimumLength, fileMayBeMissing)
        : Secret.ofValue(name, typeof value === 'string' ? value : undefined, minimumLength);
    if (!required || secret.read() !== undefined) return secret;
    const length = minimumLength > 0 ? ` with at least ${minimumLength} characters` : '';
    context.addIssue({
      code: 'custom',
      message:
        typeof file === 'string'
          ? `${fileVariable} is "${file}": expected a file that is not empty`
          : `${name} is not set: expected ${name} or ${fileVariable}${length}`,
    });
  } catch (error) {
    const fact = reasonOf(error);
    context.addIssue({
      code: 'custom',
      message: typeof file === 'string' && !fact.startsWith(name) ? `${fileVariable}: ${fact}` : fact,
    });
  }
  return Secret.ofValue(name, undefined);
}

function describe(issue: z.core.$ZodIssue, given: Environment): string {
  const variable = String(issue.path.at(-1));
  if (!/^[A-Z_]+$/.test(variable)) return issue.message;
  const value = given[variable];
  // A URL may carry a password.
  const shown = value === undefined ? 'not set' : `"${value.replace(/:\/\/[^@/]*@/, '://…@')}"`;
  return `${variable} is ${shown}: expected ${issue.message}`;
}
