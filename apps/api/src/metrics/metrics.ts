import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Pool } from 'pg';

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

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.requests.observe({ method, route, status }, seconds);
  }

  countSale(totalMinor: number, currency: string): void {
    this.sales.inc();
    this.revenue.inc({ currency }, totalMinor);
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

  /** While the database is away the gauges keep their last values: an alert on the outbox must not resolve. */
  watchOutbox(backlog: () => Promise<{ depth: number; oldestSeconds: number }>): void {
    const oldest = new Gauge({
      name: 'zakpos_outbox_oldest_seconds',
      help: 'Age of the oldest event that waits for Kafka',
      registers: [this.registry],
    });
    new Gauge({
      name: 'zakpos_outbox_depth',
      help: 'Events that wait for Kafka',
      registers: [this.registry],
      async collect() {
        try {
          const { depth, oldestSeconds } = await backlog();
          this.set(depth);
          oldest.set(oldestSeconds);
        } catch {
          return;
        }
      },
    });
  }
}
