import type { LoggerService } from '@nestjs/common';
import pino, { type Logger } from 'pino';

import { requestContext } from './request-context.js';
import { VERSION } from './version.js';

/** JSON lines on standard output; each carries the request's id when there is one. */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service, version: VERSION },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: () => ({ ...requestContext.getStore() }),
    redact: {
      paths: ['customer', '*.customer', 'authorization', '*.authorization', 'password', '*.password'],
      censor: '[redacted]',
    },
  });
}

/** Lets the framework's own lines take the same way out. */
export class FrameworkLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.logger.debug({ context: rest.at(-1) }, String(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.logger.warn({ context: rest.at(-1) }, String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.logger.error({ context: rest.at(-1) }, String(message));
  }
}
