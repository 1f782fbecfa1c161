import { setTimeout as sleep } from 'node:timers/promises';

import { Inject, Injectable } from '@nestjs/common';
import { Producer, stringSerializers } from '@platformatic/kafka';
import { sql } from 'kysely';
import type { Logger } from 'pino';

import { reasonOf } from '../common/reason.js';
import { CONFIG, LOGGER } from '../common/tokens.js';
import type { ServerConfig } from '../config/schema.js';
import { Database, isDatabaseUnavailable } from '../database/database.js';
import type { EventType } from '../database/tables.js';
import { closeClient, kafkaOptions, send } from '../kafka/kafka.js';
import { Metrics } from '../metrics/metrics.js';

/** The advisory lock of the one process that relays: "ZakO" as a number. */
const RELAY_LOCK = 0x5a616b4f;
const BATCH = 500;
const POLL_MS = 1000;
/** Sales of the same moment share a batch. */
const GATHER_MS = 20;
const LONGEST_PAUSE_MS = 8000;

/**
 * Sends the outbox to Kafka, at least once and in order. Of several processes one relays at a time: it holds
 * a lock that the server frees when its connection goes, so that two never send the same events or overtake
 * each other. A row goes only after each replica in sync has its event.
 */
@Injectable()
export class OutboxRelay {
  private readonly producer: Producer<string, string, string, string>;
  private readonly topics: Readonly<Record<EventType, string>>;
  private running: Promise<void> | undefined;
  private stopping = false;
  private woken = false;
  private failures = 0;
  private endPause: () => void = () => undefined;

  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
    @Inject(CONFIG) config: ServerConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const { sales, products } = config.kafka.topics;
    this.topics = { 'sale.created': sales, 'product.created': products, 'product.updated': products };
    this.producer = new Producer({
      ...kafkaOptions(config.kafka, 'zakpos-api'),
      serializers: stringSerializers,
    });
  }

  start(): void {
    this.running = this.relayUntilStopped();
  }

  /** Something was committed: don't wait for the next poll. */
  wake(): void {
    this.woken = true;
    // While Kafka is away sales go on, and would wake a relay that can't do anything.
    if (this.failures === 0) this.endPause();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.endPause();
    await this.running;
    await closeClient(this.producer);
  }

  /** Whether a broker answers. */
  async ping(): Promise<void> {
    await this.producer.metadata({ topics: [this.topics['sale.created']], forceUpdate: true });
  }

  /** How many events wait, and for how long the oldest does. */
  async backlog(): Promise<{ depth: number; oldestSeconds: number }> {
    const { depth, oldest } = await this.database.query
      .selectFrom('outbox')
      .select(({ fn }) => [
        fn.countAll<number>().as('depth'),
        sql<number>`coalesce(extract(epoch from now() - min(created_at)), 0)::float`.as('oldest'),
      ])
      .executeTakeFirstOrThrow();
    return { depth, oldestSeconds: oldest };
  }

  private async relayUntilStopped(): Promise<void> {
    while (!this.stopping) {
      try {
        const sent = await this.relayBatch();
        if (this.failures > 0) this.logger.info('The outbox drains again');
        this.failures = 0;
        if (sent < BATCH) await this.pause(POLL_MS);
        await sleep(GATHER_MS);
      } catch (error) {
        const databaseAway = isDatabaseUnavailable(error);
        const away = databaseAway ? 'the database' : 'Kafka';
        this.metrics.dependencyAnswered(databaseAway ? 'postgres' : 'kafka', false);
        this.logger.warn({ reason: reasonOf(error) }, `The outbox can't be sent while ${away} is away`);
        this.failures += 1;
        await this.pause(Math.min(POLL_MS * 2 ** this.failures, LONGEST_PAUSE_MS));
      }
    }
    if (this.failures === 0) await this.relayBatch().catch(() => 0);
  }

  /** Returns how many events were sent: none when another process relays. */
  private relayBatch(): Promise<number> {
    this.woken = false;
    return this.database.query.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ locked: boolean }>`
        select pg_try_advisory_xact_lock(${RELAY_LOCK}) as locked`.execute(transaction);
      this.metrics.dependencyAnswered('postgres', true);
      if (rows[0]?.locked !== true) return 0;
      const events = await transaction
        .selectFrom('outbox')
        .select(['id', 'event_type', 'key', 'request_id', sql<string>`payload::text`.as('payload')])
        .orderBy('id')
        .limit(BATCH)
        .execute();
      if (events.length === 0) {
        // Another process has sent what this one could not.
        this.metrics.forgetFailure('kafka');
        return 0;
      }
      await send(
        this.producer,
        events.map((event) => ({
          topic: this.topics[event.event_type],
          key: event.key,
          value: event.payload,
          headers: { 'request-id': event.request_id },
        })),
      );
      this.metrics.dependencyAnswered('kafka', true);
      await transaction
        .deleteFrom('outbox')
        .where(
          'id',
          'in',
          events.map((event) => event.id),
        )
        .execute();
      return events.length;
    });
  }

  private async pause(milliseconds: number): Promise<void> {
    if (this.stopping || (this.woken && this.failures === 0)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
