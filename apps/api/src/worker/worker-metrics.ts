import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

/** What becomes of an event that was read. */
const OUTCOMES = ['counted', 'repeated', 'buried'] as const;
type Outcome = (typeof OUTCOMES)[number];

/** What Prometheus reads of the worker. */
export class WorkerMetrics {
  readonly registry = new Registry();

  private readonly events = new Counter({
    name: 'zakpos_report_events_total',
    help: 'Events read from Kafka: counted, repeated (known already) or buried (not understood)',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  private readonly reading = new Gauge({
    name: 'zakpos_report_reading',
    help: 'Whether this worker reads events from Kafka now',
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
    // An event that has not been read yet was read 0 times: the first one is an increase.
    for (const outcome of OUTCOMES) this.events.inc({ outcome }, 0);
  }

  countEvent(outcome: Outcome): void {
    this.events.inc({ outcome });
  }

  /** Who reads nothing doesn't know how far it is behind. */
  setReading(isReading: boolean): void {
    this.reading.set(isReading ? 1 : 0);
    if (!isReading) this.lag.reset();
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
