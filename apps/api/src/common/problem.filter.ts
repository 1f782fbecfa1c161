import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

import { DISK_FULL, hasSqlState, isDatabaseUnavailable } from '../database/database.js';
import { RedisUnavailable } from '../redis/redis.js';
import { badRequest, Problem, unavailable } from './problem.js';
import { reasonOf } from './reason.js';
import { LOGGER } from './tokens.js';

/** Turns whatever was thrown into one problem+json answer. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = toProblem(error);
    if (problem.status === 500) this.logger.error({ err: error }, 'request failed');
    else if (problem.status === 503) this.logger.warn({ reason: reasonOf(error) }, 'request refused');
    answerWith(problem, request, reply);
  }
}

export function answerWith(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  if (problem.retryAfterSeconds !== undefined) {
    void reply.header('retry-after', String(problem.retryAfterSeconds));
  }
  void reply
    .status(problem.status)
    .header('content-type', 'application/problem+json')
    .send(JSON.stringify(problem.toDetails(request.url.split('?')[0] ?? '', request.id)));
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (hasSqlState(error, DISK_FULL)) {
    return unavailable('The database is full. Nothing can be sold or changed until it has space again.');
  }
  if (isDatabaseUnavailable(error)) {
    // The connection may have ended between a commit and its answer: nobody knows here what became of it.
    return unavailable(
      'The database does not answer at the moment. A sale that is sent again with the same Idempotency-Key is sold once.',
    );
  }
  if (error instanceof RedisUnavailable) {
    return unavailable('The session store does not answer at the moment. Log in again in a few seconds.');
  }
  if (error instanceof HttpException) return new Problem(error.getStatus(), error.message);
  const status = refusedByServer(error);
  if (error instanceof Error && status !== undefined) return new Problem(status, error.message);
  return new Problem(500, 'An unexpected error happened. The request id leads to it in the logs.');
}

/** Errors of the HTTP server itself, such as a body that is too large or isn't JSON. */
function refusedByServer(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  const { statusCode } = error;
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}

/** What the validation pipe found, a line for each rule that a field breaks. */
export function validationProblem(errors: readonly ValidationError[]): Problem {
  return badRequest(
    'The request is not valid.',
    errors.flatMap((error) => describe(error, '')),
  );
}

function describe(error: ValidationError, parent: string): string[] {
  const path = parent === '' ? error.property : `${parent}.${error.property}`;
  return [
    ...Object.values(error.constraints ?? {}).map((message) =>
      parent === '' ? message : `${parent}: ${message}`,
    ),
    ...(error.children ?? []).flatMap((child) => describe(child, path)),
  ];
}
