/** A cluster in memory with one Secret, the store that it is for, and the pods that log in with it. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Config } from '../../environments/schema.ts';
import { secretSpecs, type SecretId } from '../../environments/secrets.ts';
import { defined } from '../manifests.ts';
import { FakeKubectl, type Answer } from './fakes.ts';

type Data = Readonly<Record<string, string>>;

const replaced = z.looseObject({
  type: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    resourceVersion: z.string(),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  data: z.record(z.string(), z.string()),
});

/** Where a command is cut off: before its n-th call of kubectl, or after it. */
export interface CutOff {
  readonly call: number;
  readonly when: 'before' | 'after';
}

export class World {
  /** What the Secret holds, in clear. */
  data: Data;
  annotations: Data = {};
  /** What happened, in words. */
  readonly events: string[] = [];
  /** Every password that there has ever been. */
  readonly passwords = new Set<string>();
  /** What is broken at some moment: somebody who can't log in, say. */
  readonly outages: string[] = [];
  /** Deployments whose new pods never get ready. */
  readonly broken = new Set<string>();
  readonly kubectl: FakeKubectl;

  /** Passwords of logins; of Redis, those of its one user. */
  private readonly accepted = new Map<string, Set<string>>();
  private readonly id: SecretId;
  private readonly name: string;
  private readonly store: 'postgres' | 'redis' | 'kafka' | 'jwt';
  /** What each pod of each Deployment has read when it started. */
  private readonly pods: Map<string, Data[]>;
  /** Lines of each pooler's file of users; it is looked at once before it is up to date. */
  private readonly poolers: string[][];
  private version = 1;
  private calls = 0;
  private cut: CutOff | undefined;

  constructor(config: Config, id: SecretId, data: Data) {
    this.id = id;
    const spec = secretSpecs(config)[id];
    this.name = spec.name;
    this.data = data;
    this.store = id === 'redis' || id === 'jwt' ? id : id.startsWith('kafka') ? 'kafka' : 'postgres';
    const users = spec.usedBy.filter((user) => ['zakpos-api', 'zakpos-reports'].includes(user));
    this.pods = new Map(users.map((user) => [user, [data]]));
    this.poolers = spec.usedBy.includes('zakpos-pgbouncer') ? [0, 1].map(() => [this.lineOf(data)]) : [];
    this.remember(data);
    this.let(data.username ?? 'default', defined(data.password ?? data.secret, 'password'));
    this.kubectl = new FakeKubectl((args, input) => this.answer(args, input));
  }

  /** From now on, a call is the last one. */
  cutOff(cut: CutOff): void {
    this.cut = cut;
    this.calls = 0;
  }

  /** The rotation of before is long ago. */
  age(): void {
    this.annotations = { ...this.annotations, 'zakpos.io/rotated-at': '2026-01-01T00:00:00Z' };
  }

  /** Logins that are let in, with the passwords that they have. */
  get letIn(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(
      [...this.accepted].flatMap(([login, passwords]) =>
        passwords.size === 0 ? [] : [[login, [...passwords]]],
      ),
    );
  }

  private answer(args: readonly string[], input: string | undefined): Answer {
    this.calls += 1;
    const isLast = this.calls === this.cut?.call;
    if (isLast && this.cut?.when === 'before') throw new Error('cut off');
    const answer = this.execute(args, input ?? '');
    this.look();
    if (isLast) throw new Error('cut off');
    return answer;
  }

  private execute(args: readonly string[], input: string): Answer {
    const text = args.join(' ').replace('-n zakpos ', '');
    if (text === `get secret ${this.name} --ignore-not-found -o json`) return { stdout: this.manifest() };
    if (text === 'replace -f -') return this.replace(input);
    if (text === 'get deployments -o name') {
      const names = [...this.pods.keys(), 'zakpos-web', 'zakpos-mobile', 'zakpos-pgbouncer', 'other-app'];
      return { stdout: names.map((name) => `deployment.apps/${name}`).join('\n') };
    }
    const [, action, workload] = /^rollout (restart|status) deployment\/(\S+)/.exec(text) ?? [];
    if (action !== undefined && workload !== undefined) return this.roll(action, workload);
    if (text.startsWith('get pods -l app.kubernetes.io/name=zakpos-pgbouncer'))
      return { stdout: this.poolers.map((_, i) => `pod/zakpos-pgbouncer-${i}`).join('\n') };
    const [, pod = '', command = ''] = /^exec (?:-i )?(?:pod\/)?(\S+) -- ([\s\S]*)$/.exec(text) ?? [];
    return this.exec(pod, command, input);
  }

  private exec(pod: string, command: string, input: string): Answer {
    if (pod === 'zakpos-postgres-0' && command.startsWith('psql ')) return this.sql(command, input);
    if (pod === 'zakpos-redis-0' && command === 'sh /usr/local/etc/redis/cli.sh') return this.acl(input);
    if (pod === 'zakpos-redis-0' && command === 'sha256sum /run/secrets/redis/password') {
      this.events.push("redis's own file is looked at");
      return {
        stdout: `${createHash('sha256')
          .update(this.data.password ?? '')
          .digest('hex')}  password`,
      };
    }
    if (pod === 'zakpos-kafka-0' && command.startsWith('bash -c ')) return this.scram(command, input);
    const [, number] = /^zakpos-pgbouncer-(\d)$/.exec(pod) ?? [];
    if (number !== undefined) return this.pooler(Number(number), command);
    throw new Error(`nobody knows how to run in ${pod}: ${command}`);
  }

  private manifest(): string {
    const data = Object.entries(this.data).map(
      ([key, text]) => [key, Buffer.from(text).toString('base64')] as const,
    );
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: this.name,
        labels: { 'app.kubernetes.io/part-of': 'zakpos' },
        resourceVersion: String(this.version),
        ...(Object.keys(this.annotations).length === 0 ? {} : { annotations: this.annotations }),
      },
      type: 'Opaque',
      data: Object.fromEntries(data),
    });
  }

  private replace(input: string): Answer {
    const { metadata, data, type } = replaced.parse(JSON.parse(input));
    if (metadata.resourceVersion !== String(this.version))
      return {
        ok: false,
        stderr: 'the object has been modified; please apply your changes to the latest version',
      };
    if (metadata.name !== this.name || type !== 'Opaque' || metadata.labels === undefined)
      throw new Error('another Secret');
    this.version += 1;
    this.annotations = metadata.annotations;
    const before = this.data;
    this.data = Object.fromEntries(
      Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]),
    );
    this.remember(this.data);
    const keys = new Set([...Object.keys(before), ...Object.keys(this.data)]);
    const changed = [...keys].filter((key) => before[key] !== this.data[key]);
    const underWay = this.annotations['zakpos.io/rotation'];
    this.events.push(
      changed.length > 0
        ? `the Secret has another ${changed.sort().join(' and ')}${underWay === undefined ? '' : ` (under way: ${underWay})`}`
        : `the rotation is ${underWay === undefined ? 'over' : 'under way'}`,
    );
    return {};
  }

  private roll(action: string, workload: string): Answer {
    this.events.push(`${action} ${workload}`);
    const pods = this.pods.get(workload);
    if (pods === undefined) throw new Error(`${workload} has nothing to do with this`);
    if (action === 'restart') this.pods.set(workload, [...pods, this.data]);
    else if (this.broken.has(workload))
      return { ok: false, stderr: 'error: timed out waiting for the condition' };
    else this.pods.set(workload, pods.slice(-1));
    return {};
  }

  private sql(command: string, input: string): Answer {
    if (command !== 'psql -qX -v ON_ERROR_STOP=1 -U postgres -d postgres') throw new Error(command);
    const [quiet, statement = ''] = input.split('\n');
    if (
      quiet !==
      'set log_statement to none; set log_min_duration_statement to -1; set log_min_error_statement to panic;'
    )
      throw new Error('the password could be logged');
    const [, login, password] = /^alter role (\w+) password (?:'([^']*)'|null);$/.exec(statement) ?? [];
    if (login === undefined) throw new Error('another statement');
    this.accepted.delete(login);
    this.let(login, password);
    return {};
  }

  private acl(input: string): Answer {
    const [, words = ''] = /^acl setuser default (.+)\n$/.exec(input) ?? [];
    const passwords = new Set(this.accepted.get('default'));
    for (const word of words.split(' ')) {
      const password = word.slice(1);
      if (word === 'resetpass') passwords.clear();
      else if (word.startsWith('>')) passwords.add(password);
      else if (!word.startsWith('<') || !passwords.delete(password))
        return { stdout: `ERR Error in ACL SETUSER modifier '${word}': there is no such password\n` };
      if (word.startsWith('>')) this.passwords.add(password);
    }
    this.accepted.set('default', passwords);
    this.events.push(`${passwords.size} passwords are let in`);
    return { stdout: 'OK\n' };
  }

  private scram(command: string, input: string): Answer {
    const [, login] = /kafka-configs --alter --entity-type users --entity-name (\S+) /.exec(command) ?? [];
    if (login === undefined) throw new Error(command);
    this.accepted.delete(login);
    if (command.endsWith('--delete-config SCRAM-SHA-512')) this.let(login, undefined);
    else this.let(login, /^SCRAM-SHA-512=iterations=8192,password=(\S+)\n$/.exec(input)?.[1]);
    return {};
  }

  /** The kubelet is late: it brings the file up to date after somebody has looked at it. */
  private pooler(number: number, command: string): Answer {
    const lines = defined(this.poolers[number], 'pooler');
    const [, login] =
      /^sh -c head -n 1 \/run\/pgbouncer\/users\.txt \| grep -q '\^"(\S+)" '$/.exec(command) ?? [];
    if (login === undefined) throw new Error(command);
    const knows = lines[0]?.startsWith(`"${login}" `) === true;
    this.events.push(`pooler ${number} ${knows ? 'knows' : 'does not know'} ${login}`);
    const current = this.lineOf(this.data);
    const before = lines.find((line) => !line.startsWith(`"${this.data.username ?? ''}" `));
    this.poolers[number] = [current, ...(before === undefined ? [] : [before])];
    return { ok: knows };
  }

  private lineOf({ username = '', password = '' }: Data): string {
    return `"${username}" "${password}"`;
  }

  private let(login: string, password: string | undefined): void {
    const known = this.accepted.get(login) ?? new Set();
    if (password !== undefined) this.passwords.add(password);
    this.accepted.set(login, password === undefined ? new Set() : known.add(password));
    if (this.events.length > 0 || this.calls > 0)
      this.events.push(`${login} is ${password === undefined ? 'not ' : ''}let in`);
  }

  private remember(data: Data): void {
    for (const [key, text] of Object.entries(data)) if (key !== 'username') this.passwords.add(text);
  }

  /** Notes whoever couldn't work now: a pod that runs, or one that would start. */
  private look(): void {
    const running = [...this.pods].flatMap(([workload, pods]) => pods.map((data) => ({ workload, data })));
    if (this.store === 'jwt') {
      for (const { workload, data } of running) {
        for (const other of running) {
          const good = [other.data.secret, other.data.previous];
          if (!good.includes(data.secret))
            this.outages.push(`${other.workload} takes no token of ${workload}`);
        }
      }
      return;
    }
    if (this.id === 'superuser') return;
    for (const { workload, data } of [...running, { workload: 'a new pod', data: this.data }]) {
      const login = data.username ?? 'default';
      const password = data.password ?? '';
      if (this.accepted.get(login)?.has(password) !== true)
        this.outages.push(`${workload} is not let in as ${login}`);
      // Whoever starts now may find another pooler than the one that was asked.
      if (workload !== 'a new pod' && this.poolers.some((lines) => !lines.includes(this.lineOf(data))))
        this.outages.push(`${workload} is not let in as ${login} by a pooler`);
    }
  }
}
