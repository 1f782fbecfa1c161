import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { hostVariables, requireLocalStores, withBlock, writeEnvFile } from '../../cli/host-env.ts';
import { configWith } from '../manifests.ts';
import { failureOf } from './fakes.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zakpos-host-env-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('variables of the API on this machine', () => {
  test('lead to the ports of the cluster, with the role that each thing is for', () => {
    const own = { localPorts: { postgres: 20432, redis: 20379, kafka: 20092 } };
    expect(hostVariables(configWith('dev', own))).toMatchObject({
      PORT: '3000',
      DATABASE_URL: 'postgresql://zakpos_user:zakpos_secure_password_2024@localhost:20432/zakpos_db',
      DATABASE_OWNER_URL: 'postgresql://zakpos_owner:dev-only-owner-password@localhost:20432/zakpos_db',
      REDIS_URL: 'redis://:redis_secure_password_2024@localhost:20379',
      KAFKA_BROKERS: 'localhost:20092',
      JWT_SECRET: 'jwt_super_secure_secret_key_2024',
      BOOTSTRAP_ADMIN_EMAIL: 'admin@zakpos.example',
    });
  });

  test('come back from the file as they are, whatever quotes they have', () => {
    const variables = {
      A: 'plain',
      B: "Ann's #1 shop",
      C: 'the "best" one',
      D: `it's "both"`,
      E: '',
      F: ' x ',
    };
    expect(parseEnv(withBlock('', variables))).toEqual(variables);
  });
});

describe('the file', () => {
  const write = (variables: Readonly<Record<string, string>>): void => {
    writeEnvFile(variables, join(folder, '.env'));
  };
  const read = (): string => readFileSync(join(folder, '.env'), 'utf8');

  test('is read by its user alone', () => {
    write({ A: '1' });
    expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);
    expect(existsSync(join(folder, '.env.new'))).toBe(false);
  });

  test('has one block, however often it is written', () => {
    write({ A: '1', B: '1' });
    write({ A: '2' });
    expect(read()).toBe(withBlock('', { A: '2' }));
  });

  test('keeps what its user has written around the block, which counts', () => {
    write({ A: '1' });
    writeFileSync(join(folder, '.env'), `# mine\n${read()}A=mine\n`);
    write({ A: '2' });
    expect(read()).toBe(`# mine\n${withBlock('', { A: '2' })}A=mine\n`);
    expect(parseEnv(read())).toEqual({ A: 'mine' });
  });

  test('of somebody else is left as it is', async () => {
    writeFileSync(join(folder, '.env'), 'A=mine\n');
    expect(
      await failureOf(() => {
        write({ A: '1' });
      }),
    ).toBe(
      `${join(folder, '.env')} is there, and not written by this command.\n` +
        '  Move it away; what you keep of it goes below the block of the next one.',
    );
    expect(read()).toBe('A=mine\n');
  });
});

describe('stores on localhost', () => {
  const target = { env: 'dev' };
  const refusal = (config: Parameters<typeof requireLocalStores>[0], context?: string): Promise<string> =>
    failureOf(() => {
      requireLocalStores(config, { ...target, ...(context === undefined ? {} : { context }) });
    });

  test('are those of dev', async () => {
    expect(await refusal(configWith('dev'))).toBe('no error');
  });

  test.each(['test', 'prod'] as const)('are none of %s', async (name) => {
    expect(await refusal(configWith(name))).toBe(
      `\`--only infra\` is for dev's own kind cluster, whose stores answer on localhost; this is ${name}.\n  Leave --env and --context out.`,
    );
  });

  test('are none of a cluster that somebody else looks after', async () => {
    expect(await refusal(configWith('dev'), 'office')).toContain('this is dev in the context office.');
  });

  test('are none where the configuration leaves them out, or has others', async () => {
    expect(await refusal(configWith('dev', { localStores: false }))).toContain('localStores is false');
    const redis = { mode: 'external', external: { host: 'redis.example.com', tls: 'disable' } };
    expect(await refusal(configWith('dev', { redis }))).toContain('redis.mode is external');
  });
});
