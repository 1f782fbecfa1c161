import type { Logger } from 'pino';

import { reasonOf } from '../common/reason.js';
import { VERSION } from '../common/version.js';
import { within } from '../common/within.js';
import type { Database } from '../database/database.js';
import { LATEST_MIGRATION } from '../database/migrations/index.js';
import { hasMigration } from '../database/migrator.js';

const CHECK_TIMEOUT_MS = 1500;
const OVERVIEW_AGE_MS = 2000;

export type DependencyChecks = Readonly<Record<string, () => Promise<unknown>>>;

interface DependencyState {
  readonly status: 'up' | 'down';
  readonly milliseconds: number;
  readonly error?: string;
}

/** The answer of a health endpoint. */
export interface HealthAnswer {
  readonly status: 200 | 503;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * The process's own state. Ready means started and not draining: what happens to a store is for the requests
 * to say, since taking every replica out of service would turn one store's outage into everyone's.
 */
export class Health {
  private started = false;
  private draining = false;
  private overviewAt = 0;
  private latestOverview: Promise<HealthAnswer> | undefined;

  constructor(
    private readonly database: Database,
    private readonly dependencies: DependencyChecks,
    private readonly logger: Logger,
  ) {}

  get isDraining(): boolean {
    return this.draining;
  }

  drain(): void {
    this.draining = true;
  }

  live(): HealthAnswer {
    return { status: 200, body: { status: 'ok' } };
  }

  async startup(): Promise<HealthAnswer> {
    if (this.started) return { status: 200, body: { status: 'ok' } };
    try {
      this.started = await within(CHECK_TIMEOUT_MS, hasMigration(this.database.query, LATEST_MIGRATION));
      if (this.started) return { status: 200, body: { status: 'ok' } };
      return notYet(`migration ${LATEST_MIGRATION} has not been applied yet`);
    } catch (error) {
      this.logger.debug({ err: error }, 'the migrations are not known');
      return notYet(`the database could not be asked for its migrations: ${reasonOf(error)}`);
    }
  }

  ready(): Promise<HealthAnswer> {
    if (this.draining) return Promise.resolve({ status: 503, body: { status: 'draining' } });
    return this.startup();
  }

  /** Everything at a glance; for people and dashboards, not for probes. */
  overview(): Promise<HealthAnswer> {
    const now = Date.now();
    if (this.latestOverview === undefined || now - this.overviewAt > OVERVIEW_AGE_MS) {
      this.overviewAt = now;
      this.latestOverview = this.look();
    }
    return this.latestOverview;
  }

  private async look(): Promise<HealthAnswer> {
    const states = await Promise.all(
      Object.entries(this.dependencies).map(async ([name, check]) => [name, await stateOf(check)] as const),
    );
    return {
      status: 200,
      body: {
        status: states.every(([, state]) => state.status === 'up') ? 'ok' : 'degraded',
        version: VERSION,
        uptimeSeconds: Math.floor(process.uptime()),
        dependencies: Object.fromEntries(states),
      },
    };
  }
}

function notYet(reason: string): HealthAnswer {
  return { status: 503, body: { status: 'starting', reason } };
}

async function stateOf(check: () => Promise<unknown>): Promise<DependencyState> {
  const from = performance.now();
  const elapsed = () => Math.round(performance.now() - from);
  try {
    await within(CHECK_TIMEOUT_MS, check());
    return { status: 'up', milliseconds: elapsed() };
  } catch (error) {
    return { status: 'down', milliseconds: elapsed(), error: reasonOf(error) };
  }
}
