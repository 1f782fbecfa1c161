import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

/** What Prometheus reads of the worker. */
export class WorkerMetrics {
  readonly registry = new Registry();

  private readonly events = new Counter({
    name: 'zakpos_report_events_total',
    help: 'Events read from Kafka: counted, repeated (known already) or buried (not understood)',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  private readonly lag = new Gauge({
    name: 'zakpos_report_lag_events',
    help: 'Events that the reports have not seen yet, in the partitions of this worker',
    labelNames: ['topic', 'partition'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  countEvent(outcome: 'counted' | 'repeated' | 'buried'): void {
    this.events.inc({ outcome });
  }

  /** Lags by topic and number of the partition; one of another worker has the lag -1, and is told by that one. */
  setLag(topics: ReadonlyMap<string, readonly bigint[]>): void {
    this.lag.reset();
    for (const [topic, lags] of topics) {
      for (const [partition, lag] of lags.entries()) {
        if (lag >= 0n) this.lag.set({ topic, partition: String(partition) }, Number(lag));
      }
    }
  }
}
