/**
 * A credential is rotated while the system serves: the new one is accepted before the old one ends. How far a rotation
 * is stands on its Secret, so that one that was cut off is finished by running it again.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Config } from '../environments/schema.ts';
import { secretSpecs, type SecretId, type SecretSpec } from '../environments/secrets.ts';
import { until } from './clock.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';
import { newPassword } from './secrets.ts';
import type { Line } from './steps.ts';

/** Annotation of a Secret whose rotation has begun: what there was before, by name, never by value. */
const UNDER_WAY = 'zakpos.io/rotation';
/** Annotation with the time of the last rotation. */
export const ROTATED_AT = 'zakpos.io/rotated-at';
/** How long an access token is good (JWT_ACCESS_TTL of the API). */
const TOKEN_LIFETIME_SECONDS = 15 * 60;
/** The kubelet renews files of a Secret each minute or so. */
const FILE_SECONDS = 180;
const ROLLOUT_SECONDS = 300;
const POOLER = 'zakpos-pgbouncer';

const secretSchema = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).default({}) }),
  data: z.record(z.string(), z.string()).default({}),
});

/** Secrets that have a rotation, in the order in which `rotate all` goes through them. */
const ROTATABLE = [
  'superuser',
  'owner',
  'app',
  'exporter',
  'backup',
  'redis',
  'kafkaApi',
  'kafkaReports',
  'jwt',
] as const satisfies readonly SecretId[];
type Rotatable = (typeof ROTATABLE)[number];

/**
 * The Secrets that a name stands for: one Secret, or all of `postgres`, `redis`, `kafka` or `jwt`.
 * @throws {CliError} when it stands for none, or for one that is not this project's to rotate
 */
export function rotationsOf(config: Config, name: string): Rotatable[] {
  const specs = secretSpecs(config);
  const inUse = ROTATABLE.filter((id) => specs[id].usedBy.length > 0);
  const named = inUse.filter((id) => {
    const secret = specs[id].name;
    return secret === name || secret === `zakpos-${name}` || secret.startsWith(`zakpos-${name}-`);
  });
  if (named.length === 0) {
    throw new CliError(
      `"${name}" is no Secret that can be rotated.`,
      `Name one of ${inUse.map((id) => specs[id].name).join(', ')}; or postgres, redis, kafka or jwt for all of it.`,
    );
  }
  for (const id of named) {
    const owner = ownerOf(config, id);
    if (owner !== undefined) {
      throw new CliError(
        `The Secret ${specs[id].name} is not this project's to rotate: ${owner}.`,
        'Change it there: make the new credential good beside the old one, put it into the Secret, roll its users with `kubectl rollout restart`, then end the old one.',
      );
    }
  }
  return named;
}

/** Names of the Secrets that are in use and this project's to rotate. */
export function rotatableSecrets(config: Config): string[] {
  const specs = secretSpecs(config);
  return ROTATABLE.filter((id) => specs[id].usedBy.length > 0 && ownerOf(config, id) === undefined).map(
    (id) => specs[id].name,
  );
}

/** Who else looks after a credential. */
function ownerOf({ secrets, postgres, redis, kafka }: Config, id: Rotatable): string | undefined {
  if (secrets.source === 'literal') return 'it is in the manifests (.env, secrets.values)';
  if (secrets.source === 'external-secrets') {
    return `it comes from ${secrets.store.kind} ${secrets.store.name}`;
  }
  if (id === 'jwt') return undefined;
  if (id === 'redis') return redis.mode === 'external' ? 'redis is external' : undefined;
  if (id === 'kafkaApi' || id === 'kafkaReports') {
    return kafka.mode === 'external' ? 'Kafka is external' : undefined;
  }
  if (postgres.mode === 'cloudnativepg') return 'CloudNativePG sets it in the database';
  return postgres.mode === 'external' ? 'PostgreSQL is external' : undefined;
}

export class Rotation {
  private readonly kubectl: Kubectl;
  private readonly config: Config;
  private readonly id: Rotatable;
  private readonly spec: SecretSpec;
  private readonly line: Line;

  constructor(kubectl: Kubectl, config: Config, id: Rotatable, line: Line) {
    this.kubectl = kubectl;
    this.config = config;
    this.id = id;
    this.spec = secretSpecs(config)[id];
    this.line = line;
  }

  get secretName(): string {
    return this.spec.name;
  }

  /** Rotates and answers which workloads were rolled for it. */
  run(): Promise<string[]> {
    switch (this.id) {
      case 'superuser':
        return this.superuser();
      case 'redis':
        return this.redis();
      case 'jwt':
        return this.signingKey();
      case 'kafkaApi':
      case 'kafkaReports':
        return this.login({ setPassword: this.setKafkaPassword, end: this.endKafkaUser });
      default:
        return this.login({ setPassword: this.setRolePassword, end: this.endRole });
    }
  }

  /** Of two logins, the one at rest gets a password, its users move over, and the other one rests. */
  private async login(store: {
    readonly setPassword: (name: string, password: string) => Promise<void>;
    readonly end: (name: string) => Promise<void>;
  }): Promise<string[]> {
    const names = this.spec.keys.username?.kind === 'login' ? this.spec.keys.username.names : undefined;
    if (names === undefined) throw new Error(`${this.spec.name} has no two logins`);
    const { data, annotations } = await this.read();
    let old = annotations[UNDER_WAY];
    if (old === undefined) {
      old = data.username ?? names[0];
      const next = old === names[0] ? names[1] : names[0];
      const password = newPassword(32);
      this.line.note(`${next} is let in beside ${old}`);
      await store.setPassword(next, password);
      await this.write({ username: next, password }, { [UNDER_WAY]: old });
    }
    await this.untilPoolerKnows((await this.read()).data.username ?? '');
    const rolled = await this.roll();
    this.line.note(`${old} is no longer let in`);
    await store.end(old);
    await this.finish();
    return rolled;
  }

  private readonly setRolePassword = (name: string, password: string): Promise<void> =>
    this.sql(`alter role ${name} password '${password}'`);

  private readonly endRole = (name: string): Promise<void> => this.sql(`alter role ${name} password null`);

  private readonly setKafkaPassword = async (name: string, password: string): Promise<void> => {
    const file = `/run/kafka/${name}.properties`;
    await this.kafka(
      `cat > ${file} && bash /opt/zakpos/tool.sh kafka-configs --alter --entity-type users --entity-name ${name} --add-config-file ${file}; code=$?; rm -f ${file}; exit $code`,
      `SCRAM-SHA-512=iterations=8192,password=${password}\n`,
    );
  };

  private readonly endKafkaUser = (name: string): Promise<void> =>
    this.kafka(
      `bash /opt/zakpos/tool.sh kafka-configs --alter --entity-type users --entity-name ${name} --delete-config SCRAM-SHA-512`,
    );

  /** Nobody logs in over the network with it, so there is nobody to move over. */
  private async superuser(): Promise<string[]> {
    const password = newPassword(32);
    await this.setRolePassword('postgres', password);
    await this.write({ password }, {});
    await this.finish();
    return [];
  }

  /** Redis knows two passwords of one user at a time. */
  private async redis(): Promise<string[]> {
    const { data, annotations } = await this.read();
    if (annotations[UNDER_WAY] === undefined) {
      const password = newPassword(32);
      this.line.note('the new password is let in beside the old one');
      await this.redisCommands(`acl setuser default >${password}\n`);
      await this.write({ password, previous: data.password ?? '' }, { [UNDER_WAY]: 'previous' });
    }
    const rolled = await this.roll();
    this.line.note("waiting until redis's own files have the new password");
    const { password } = (await this.read()).data;
    if (password === undefined) throw new Error(`${this.spec.name} has lost its password`);
    await this.untilFileHas('zakpos-redis-0', '/run/secrets/redis/password', password);
    // Of all that it has taken, one stays; taking away what it no longer has would be an error.
    await this.redisCommands(`acl setuser default resetpass >${password}\n`);
    await this.write({ previous: null }, {});
    await this.finish();
    return rolled;
  }

  /**
   * All pods first accept the new key, and only then does any of them sign with it; the old one stays good for what it
   * has signed.
   */
  private async signingKey(): Promise<string[]> {
    const { annotations } = await this.read();
    if (annotations[UNDER_WAY] === undefined) {
      const rotated = Date.parse(annotations[ROTATED_AT] ?? '');
      const age = (Date.now() - rotated) / 1000;
      if (age < TOKEN_LIFETIME_SECONDS) {
        throw new CliError(
          `The signing key was rotated ${Math.round(age / 60)} minutes ago; tokens of the key before it are good for ${TOKEN_LIFETIME_SECONDS / 60} minutes.`,
          'Wait until then, or everybody has to log in again.',
        );
      }
      this.line.note('the new key is accepted beside the old one');
      await this.write({ previous: newPassword(48) }, { [UNDER_WAY]: 'accepted' });
    }
    if (annotations[UNDER_WAY] !== 'signs') {
      await this.roll();
      const { data: current } = await this.read();
      this.line.note('the new key signs');
      await this.write(
        { secret: current.previous ?? '', previous: current.secret ?? '' },
        { [UNDER_WAY]: 'signs' },
      );
    }
    const rolled = await this.roll();
    await this.finish();
    return rolled;
  }

  /** Rolls the Deployments that use the Secret, and nothing else. */
  private async roll(): Promise<string[]> {
    const namespace = ['-n', this.config.namespace];
    const listed = await this.kubectl.run([...namespace, 'get', 'deployments', '-o', 'name']);
    const deployments = listed
      .split('\n')
      .map((name) => name.replace('deployment.apps/', ''))
      // The pooler reads its file again, and a new pod of it would not know who still has the old login.
      .filter((name) => this.spec.usedBy.includes(name) && name !== POOLER);
    for (const name of deployments) {
      this.line.note(`rolling ${name}`);
      await this.kubectl.run([...namespace, 'rollout', 'restart', `deployment/${name}`]);
    }
    for (const name of deployments) {
      const waited = await this.kubectl.attempt(
        [...namespace, 'rollout', 'status', `deployment/${name}`, `--timeout=${ROLLOUT_SECONDS}s`],
        { timeoutSeconds: ROLLOUT_SECONDS + 10 },
      );
      if (!waited.ok) {
        throw new CliError(
          `${name} does not come up with the new credential: ${waited.stderr.trim()}`,
          `Both credentials are good meanwhile, and the old pods go on serving. \`npm run status\` tells why; then run the same command again, it goes on from here.`,
        );
      }
    }
    return deployments;
  }

  /** PgBouncer in between has to let the new login in before anybody shows it. */
  private async untilPoolerKnows(login: string): Promise<void> {
    if (!this.spec.usedBy.includes(POOLER)) return;
    const listed = await this.kubectl.run([
      ...['-n', this.config.namespace, 'get', 'pods', '-l', `app.kubernetes.io/name=${POOLER}`, '-o', 'name'],
    ]);
    for (const pod of listed.split('\n').filter((line) => line !== '')) {
      this.line.note(`waiting until ${pod} knows ${login}`);
      await until(FILE_SECONDS, `${pod} does not know ${login}`, async () => {
        const seen = await this.kubectl.attempt([
          ...['-n', this.config.namespace, 'exec', pod, '--', 'sh', '-c'],
          // The line below has the login before, with the password that it had.
          `head -n 1 /run/pgbouncer/users.txt | grep -q '^"${login}" '`,
        ]);
        return seen.ok;
      });
    }
  }

  private async read(): Promise<{
    data: Readonly<Record<string, string>>;
    annotations: Readonly<Record<string, string>>;
  }> {
    const { data, metadata } = await this.object();
    return {
      annotations: metadata.annotations,
      data: Object.fromEntries(
        Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]),
      ),
    };
  }

  private async object(): Promise<z.output<typeof secretSchema>> {
    const { namespace } = this.config;
    const secret = await this.kubectl.json(secretSchema, [
      ...['-n', namespace, 'get', 'secret', this.spec.name, '--ignore-not-found'],
    ]);
    if (secret !== undefined) return secret;
    throw new CliError(
      `There is no Secret ${this.spec.name} in the namespace ${namespace}.`,
      'Make it with `npm run secrets`.',
    );
  }

  /**
   * Sets keys, or removes those that are null. What is replaced has the version that was read, so that two rotations
   * at a time don't overwrite each other; it goes to kubectl's standard input.
   */
  private async write(
    values: Readonly<Record<string, string | null>>,
    annotations: Readonly<Record<string, string | null>>,
  ): Promise<void> {
    const secret = await this.object();
    const encoded = Object.entries(values).map(
      ([key, text]) => [key, text === null ? null : Buffer.from(text).toString('base64')] as const,
    );
    const changed = {
      ...secret,
      metadata: { ...secret.metadata, annotations: merged(secret.metadata.annotations, annotations) },
      data: merged(secret.data, Object.fromEntries(encoded)),
    };
    await this.kubectl.run(['replace', '-f', '-'], { input: JSON.stringify(changed) });
  }

  private finish(): Promise<void> {
    return this.write({}, { [UNDER_WAY]: null, [ROTATED_AT]: new Date().toISOString() });
  }

  private async sql(statement: string): Promise<void> {
    await this.exec(
      'zakpos-postgres-0',
      ['psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-U', 'postgres', '-d', 'postgres'],
      // A statement with a password in it must not be logged by being slow or wrong.
      `set log_statement to none; set log_min_duration_statement to -1; set log_min_error_statement to panic;\n${statement};\n`,
    );
  }

  private async redisCommands(commands: string): Promise<void> {
    const answer = await this.exec('zakpos-redis-0', ['sh', '/usr/local/etc/redis/cli.sh'], commands);
    if (answer.trim() !== 'OK') {
      throw new CliError(
        // It repeats what it didn't understand.
        `redis answered "${answer.trim().replaceAll(/[<>][\w-]+/g, '(a password)')}".`,
        'Look at its log, then run the same command again.',
      );
    }
  }

  private async kafka(script: string, input = ''): Promise<void> {
    await this.exec('zakpos-kafka-0', ['bash', '-c', script], input);
  }

  private exec(pod: string, command: readonly string[], input: string): Promise<string> {
    return this.kubectl.runInPod(this.config.namespace, pod, command, input);
  }

  private async untilFileHas(pod: string, file: string, text: string): Promise<void> {
    const wanted = createHash('sha256').update(text).digest('hex');
    await untilFileIs(this.kubectl, this.config, pod, file, wanted);
  }
}

/** `base` with what `changes` sets, without what it sets to null. */
function merged(
  base: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const all = Object.entries({ ...base, ...changes });
  return Object.fromEntries(all.flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
}

/**
 * Waits until a pod sees a file with this SHA-256.
 * @throws {CliError} when it doesn't within three minutes
 */
export async function untilFileIs(
  kubectl: Kubectl,
  { namespace }: Config,
  pod: string,
  file: string,
  sha256: string,
): Promise<void> {
  await until(FILE_SECONDS, `${pod} has not seen the new ${file}`, async () => {
    const seen = await kubectl.attempt(['-n', namespace, 'exec', pod, '--', 'sha256sum', file]);
    return seen.ok && seen.stdout.startsWith(sha256);
  });
}
