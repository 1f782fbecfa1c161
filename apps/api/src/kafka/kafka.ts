import { readFileSync } from 'node:fs';

import {
  type BaseOptions,
  type MessageToProduce,
  ProduceAcks,
  type Producer,
  type SASLOptions,
  saslScramSha,
} from '@platformatic/kafka';

import type { KafkaConfig } from '../config/schema.js';
import type { SecretPair } from '../config/secret.js';

/** What producer and consumer have in common. Topics are never created from here. */
export function kafkaOptions(config: KafkaConfig, clientId: string): BaseOptions {
  return {
    clientId,
    bootstrapBrokers: [...config.brokers],
    connectTimeout: 3000,
    requestTimeout: 5000,
    timeout: 5000,
    retries: 1,
    retryDelay: 250,
    autocreateTopics: false,
    ...tlsOptions(config),
    ...(config.login !== undefined && { sasl: scram(config.login) }),
  };
}

/** The name of the broker is sent along (SNI), since managed brokers may share an address. */
function tlsOptions({ ssl, sslCaFile }: KafkaConfig): Pick<BaseOptions, 'tls' | 'tlsServerName'> {
  if (!ssl) return {};
  return {
    tls: sslCaFile === undefined ? {} : { ca: readFileSync(sslCaFile, 'utf8') },
    tlsServerName: true,
  };
}

/** Reads user name and password in one go for each new connection; asked for one by one, they might not match. */
function scram(login: SecretPair): SASLOptions {
  return {
    mechanism: 'SCRAM-SHA-512',
    authenticate: (_mechanism, connection, authenticate, _username, _password, _token, callback) => {
      const [username = '', password = ''] = login.read();
      const { defaultCrypto } = saslScramSha;
      saslScramSha.authenticate(
        authenticate,
        connection,
        'SHA-512',
        username,
        password,
        defaultCrypto,
        callback,
      );
    },
  };
}

/**
 * Sends messages and waits until each replica in sync has them. That is said with each send: among the options
 * of a producer the client ignores it, and asks for the word of the leader alone, which may leave with them.
 */
export async function send(
  producer: Producer<string, string, string, string>,
  messages: MessageToProduce<string, string, string, string>[],
): Promise<void> {
  await producer.send({ messages, acks: ProduceAcks.ALL });
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
