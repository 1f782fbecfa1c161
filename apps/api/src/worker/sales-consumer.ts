import { setTimeout as sleep } from 'node:timers/promises';

import {
  Consumer,
  type Message,
  type MessagesStream,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import type { Logger } from 'pino';

import { reasonOf } from '../common/reason.js';
import { isSaneRequestId, requestContext } from '../common/request-context.js';
import type { KafkaConfig } from '../config/schema.js';
import { closeClient, kafkaOptions, send } from '../kafka/kafka.js';
import type { WorkerMetrics } from './worker-metrics.js';
import type { HourlyReports } from './hourly-reports.js';
import { parseSaleEvent, type SaleEvent } from './sale-event.js';

const GROUP = 'zakpos-reports';
const COMMIT_EVERY_MS = 500;
const LAG_EVERY_MS = 5000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

type TextMessage = Message<string, string, string, string>;
type TextConsumer = Consumer<string, string, string, string>;

/**
 * Reads the sales' events. An offset is committed after its event was counted, so that none is lost; one that
 * comes again is not counted again. What isn't a sale's event goes to the dead letter topic.
 */
export class SalesConsumer {
  private readonly deadLetters: Producer<string, string, string, string>;
  private readonly handled = new Map<number, TextMessage>();
  private stream: MessagesStream<string, string, string, string> | undefined;
  private stopping = false;
  private running: Promise<void> | undefined;

  constructor(
    private readonly config: KafkaConfig,
    private readonly reports: HourlyReports,
    private readonly metrics: WorkerMetrics,
    private readonly logger: Logger,
  ) {
    this.deadLetters = new Producer({
      ...kafkaOptions(config, 'zakpos-worker'),
      serializers: stringSerializers,
    });
  }

  start(): void {
    this.running = this.consumeUntilStopped();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.stream?.close().catch(() => undefined);
    await this.running;
    await closeClient(this.deadLetters);
  }

  /** Whether a broker answers. */
  async ping(): Promise<void> {
    await this.deadLetters.metadata({ topics: [this.config.topics.sales], forceUpdate: true });
  }

  private async consumeUntilStopped(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.stopping) {
      const consumer: TextConsumer = new Consumer({
        ...kafkaOptions(this.config, 'zakpos-worker'),
        groupId: GROUP,
        deserializers: stringDeserializers,
        autocommit: false,
        // A fetch that waits must end before the client gives the request up.
        maxWaitTime: 1000,
        sessionTimeout: 6000,
        heartbeatInterval: 2000,
        // Joining the group waits until the session of a worker that died has ended.
        requestTimeout: 12_000,
      });
      try {
        await this.consume(consumer, () => {
          pause = FIRST_PAUSE_MS;
        });
      } catch (error) {
        this.logger.warn({ reason: reasonOf(error) }, 'Reading the sales from Kafka failed: trying again');
      } finally {
        this.handled.clear();
        await closeClient(consumer);
      }
      if (this.isStopping()) return;
      await sleep(pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  private async consume(consumer: TextConsumer, onProgress: () => void): Promise<void> {
    const topics = [this.config.topics.sales];
    const stream = await consumer.consume({ topics, mode: 'committed', fallbackMode: 'earliest' });
    this.stream = stream;
    this.logger.info({ topics, group: GROUP }, 'Reading the sales from Kafka');
    this.metrics.setReading(true);
    const tellLag = (lag: ReadonlyMap<string, readonly bigint[]>) => {
      this.metrics.setLag(lag);
    };
    consumer.on('consumer:lag', tellLag);
    consumer.startLagMonitoring({ topics }, LAG_EVERY_MS);
    const committing = setInterval(() => {
      this.commitHandled().catch((error: unknown) => {
        stream.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    }, COMMIT_EVERY_MS);
    try {
      for await (const message of stream) {
        await withRequestOf(message, () => this.handle(message));
        this.handled.set(message.partition, message);
        onProgress();
      }
      await this.commitHandled();
    } finally {
      clearInterval(committing);
      consumer.stopLagMonitoring();
      // An answer may be on its way.
      consumer.off('consumer:lag', tellLag);
      this.metrics.setReading(false);
    }
  }

  /** The last event of each partition that is done. */
  private async commitHandled(): Promise<void> {
    const messages = [...this.handled.values()];
    this.handled.clear();
    for (const message of messages) await message.commit();
  }

  private async handle(message: TextMessage): Promise<void> {
    let event: SaleEvent;
    try {
      event = parseSaleEvent(message.value);
    } catch (error) {
      await this.persist(() => this.bury(message, reasonOf(error)));
      return;
    }
    await this.persist(async () => {
      const outcome = (await this.reports.count(event)) ? 'counted' : 'repeated';
      this.metrics.countEvent(outcome);
      this.logger.info({ eventId: event.id, saleId: event.sale.id, outcome }, 'event of a sale');
    });
  }

  private async bury(message: TextMessage, reason: string): Promise<void> {
    const { topic, partition, offset } = message;
    await send(this.deadLetters, [
      {
        topic: this.config.topics.deadSales,
        key: message.key,
        value: message.value,
        headers: { reason, topic, partition: String(partition), offset: String(offset) },
      },
    ]);
    this.metrics.countEvent('buried');
    this.logger.error({ topic, partition, offset: String(offset), reason }, 'An event was not understood');
  }

  /** An event waits for as long as a store is away; those behind it wait as well, and so stay in order. */
  private async persist(work: () => Promise<void>): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        await work();
        return;
      } catch (error) {
        if (this.isStopping()) throw error;
        this.logger.warn({ reason: reasonOf(error) }, 'An event could not be handled: trying again');
        await sleep(pause);
      }
    }
  }

  private isStopping(): boolean {
    return this.stopping;
  }
}

/** What is logged meanwhile carries the id of the request that the message comes from. */
function withRequestOf(message: TextMessage, work: () => Promise<void>): Promise<void> {
  const requestId = message.headers.get('request-id');
  return isSaneRequestId(requestId) ? requestContext.run({ requestId }, work) : work();
}
