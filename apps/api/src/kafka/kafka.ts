import { readFileSync } from 'node:fs';

import type { BaseOptions } from '@platformatic/kafka';

import type { KafkaConfig } from '../config/schema.js';

/** What producer and consumer have in common. Topics are never created from here. */
export function kafkaOptions(config: KafkaConfig, clientId: string): BaseOptions {
  const { saslUsername: username } = config;
  return {
    clientId,
    bootstrapBrokers: [...config.brokers],
    connectTimeout: 3000,
    requestTimeout: 5000,
    timeout: 5000,
    retries: 1,
    retryDelay: 250,
    autocreateTopics: false,
    ...(config.sslCaFile !== undefined && { tls: { ca: readFileSync(config.sslCaFile, 'utf8') } }),
    ...(username !== undefined && {
      // Asked for each new connection, so that a changed password file is picked up.
      sasl: { mechanism: 'SCRAM-SHA-512', username, password: () => config.saslPassword.read() ?? '' },
    }),
  };
}

interface Closable {
  close(force: boolean, callback: (error: Error | null) => void): void;
}

/** Closes a client whether or not a broker is there to say goodbye to. */
export function closeClient(client: Closable): Promise<void> {
  return new Promise((resolve) => {
    client.close(true, () => {
      resolve();
    });
  });
}
