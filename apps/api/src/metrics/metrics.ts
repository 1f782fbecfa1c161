import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Pool } from 'pg';

import { within } from '../common/within.js';

/** How long Prometheus waits for the database; less than whoever asks waits for all of the metrics. */
const BACKLOG_WITHIN_MS = 1000;
/** What a sale is answered with when it was made, or failed for a reason of ours. */
const SALE_STATUSES = [200, 201, 500, 503];

/** What the server asks for what it needs. */
export type Dependency = 'postgres' | 'redis' | 'kafka';

/** What Prometheus reads of the server. */
export class Metrics {
  readonly registry = new Registry();

  private readonly requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });
  private readonly sales = new Counter({
    name: 'zakpos_sales_total',
    help: 'Sales made by this process',
    registers: [this.registry],
  });
  private readonly revenue = new Counter({
    name: 'zakpos_revenue_minor_total',
    help: 'Revenue of the sales made by this process, in minor units',
    labelNames: ['currency'],
    registers: [this.registry],
  });
  private readonly securityEvents = new Counter({
    name: 'zakpos_security_events_total',
    help: 'Refusals of this process: of logins, tokens, rights, and of too many requests',
    labelNames: ['event'],
    registers: [this.registry],
  });
  private readonly answers = new Map<Dependency, () => boolean>();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    const { answers } = this;
    new Gauge({
      name: 'zakpos_dependency_up',
      help: 'Whether a dependency answered when this process last asked it for something',
      labelNames: ['dependency'],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [dependency, isUp] of answers) this.set({ dependency }, isUp() ? 1 : 0);
      },
    });
  }

  /** Of this route and in this currency there have been 0 so far: the first sale, and the first that fails, is an increase. */
  expectSales(route: string, currency: string): void {
    for (const status of SALE_STATUSES) this.requests.zero({ method: 'POST', route, status });
    this.revenue.inc({ currency }, 0);
  }

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.requests.observe({ method, route, status }, seconds);
  }

  countSale(totalMinor: number, currency: string): void {
    this.sales.inc();
    this.revenue.inc({ currency }, totalMinor);
  }

  /** An event that has not happened yet has happened 0 times: its first one is an increase. */
  expectSecurityEvents(events: readonly string[]): void {
    for (const event of events) this.securityEvents.inc({ event }, 0);
  }

  countSecurityEvent(event: string): void {
    this.securityEvents.inc({ event });
  }

  dependencyAnswered(dependency: Dependency, up: boolean): void {
    this.answers.set(dependency, () => up);
  }

  /** Nothing is left to ask it, so that its last failure says nothing any more. */
  forgetFailure(dependency: Dependency): void {
    if (this.answers.get(dependency)?.() === false) this.answers.delete(dependency);
  }

  /** For one that is known to answer or not at any time. */
  watchDependency(dependency: Dependency, isUp: () => boolean): void {
    this.answers.set(dependency, isUp);
  }

  watchPool(pool: Pool): void {
    const states: Readonly<Record<string, () => number>> = {
      total: () => pool.totalCount,
      idle: () => pool.idleCount,
      waiting: () => pool.waitingCount,
    };
    new Gauge({
      name: 'zakpos_database_pool_connections',
      help: 'Connections of the pool, and callers that wait for one',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        for (const [state, count] of Object.entries(states)) this.set({ state }, count());
      },
    });
  }

  /**
   * While the database doesn't answer, the gauges keep their last values: an alert on the outbox must not resolve. Before
   * its first answer, nothing is known.
   */
  watchOutbox(backlog: () => Promise<{ depth: number; oldestSeconds: number }>): void {
    let looking: Promise<void> | undefined;
    // Both are asked for at one time, and are of one answer.
    const collect = (): Promise<void> => (looking ??= look());
    const depth = new Gauge({
      name: 'zakpos_outbox_depth',
      help: 'Events that wait for Kafka',
      registers: [this.registry],
      collect,
    });
    const oldest = new Gauge({
      name: 'zakpos_outbox_oldest_seconds',
      help: 'Age of the oldest event that waits for Kafka',
      registers: [this.registry],
      collect,
    });
    // They would begin at 0.
    depth.remove();
    oldest.remove();

    async function look(): Promise<void> {
      try {
        const answer = await within(BACKLOG_WITHIN_MS, backlog());
        depth.set(answer.depth);
        oldest.set(answer.oldestSeconds);
      } catch {
        return;
      } finally {
        looking = undefined;
      }
    }
  }
}
