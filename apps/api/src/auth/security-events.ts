import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';

import { LOGGER } from '../common/tokens.js';
import { Metrics } from '../metrics/metrics.js';

/** What somebody tried and was refused. A refresh token that comes back after its use was stolen or replayed. */
export const SECURITY_EVENTS = [
  'login_failed',
  'token_refused',
  'refresh_reused',
  'forbidden',
  'rate_limited',
] as const;
export type SecurityEvent = (typeof SECURITY_EVENTS)[number];

/** Each refusal is a line of the log, with who it was, and a count for whoever watches how many there are. */
@Injectable()
export class SecurityEvents {
  constructor(
    private readonly metrics: Metrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    metrics.expectSecurityEvents(SECURITY_EVENTS);
  }

  record(event: SecurityEvent, fields: Readonly<Record<string, unknown>>, message: string): void {
    this.logger.warn({ event: `security.${event}`, ...fields }, message);
    this.metrics.countSecurityEvent(event);
  }
}
