import 'reflect-metadata';

import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';

import fastifyHelmet from '@fastify/helmet';
import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { sql } from 'kysely';
import type { Logger } from 'pino';

import { badRequest } from './common/problem.js';
import { answerWith, validationProblem } from './common/problem.filter.js';
import { FrameworkLogger } from './common/logger.js';
import { portOf } from './common/listen.js';
import { isSaneRequestId, requestContext } from './common/request-context.js';
import { VERSION } from './common/version.js';
import type { ServerConfig } from './config/schema.js';
import { Database } from './database/database.js';
import { Health } from './health/health.js';
import { operationalRoutes } from './health/routes.js';
import { LiveFeed } from './live/live-feed.js';
import { Metrics } from './metrics/metrics.js';
import { OutboxRelay } from './outbox/outbox.relay.js';
import { Redis } from './redis/redis.js';
import { ServerModule } from './server.module.js';

const BODY_LIMIT_BYTES = 100 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than a proxy keeps idle connections (Traefik: 90 s), so that it never reuses one that is closing. */
const KEEP_ALIVE_MS = 95_000;
const DRAIN_MS = 20_000;

/** The server, wired and not yet listening. */
export class ApiServer {
  private constructor(
    private readonly app: NestFastifyApplication,
    private readonly config: ServerConfig,
    private readonly logger: Logger,
    private readonly health: Health,
  ) {}

  static async create(config: ServerConfig, logger: Logger): Promise<ApiServer> {
    const app = await NestFactory.create<NestFastifyApplication>(
      ServerModule.with(config, logger),
      new FastifyAdapter(httpOptions(config)),
      { logger: new FrameworkLogger(logger), abortOnError: false },
    );
    const database = app.get(Database);
    const relay = app.get(OutboxRelay);
    const redis = app.get(Redis);
    const health = new Health(
      database,
      {
        postgres: () => sql`select 1`.execute(database.query),
        redis: () => redis.run((client) => client.ping()),
        kafka: () => relay.ping(),
      },
      logger,
    );
    const server = new ApiServer(app, config, logger, health);
    await server.wire();
    return server;
  }

  async listen(): Promise<void> {
    this.app.get(Redis).open();
    this.app.get(OutboxRelay).start();
    this.app.get(LiveFeed).open(this.http);
    await this.app.listen(this.config.process.port, '0.0.0.0');
    this.logger.info({ port: portOf(this.http), shop: this.config.shop.name }, 'ZakPOS API is listening');
  }

  /** Finishes the requests in hand, within bounds, then gives back everything else. */
  async close(): Promise<void> {
    this.health.drain();
    this.logger.info('Finishing the requests in hand');
    const impatience = setTimeout(() => {
      this.logger.warn(`Requests still unfinished after ${DRAIN_MS / 1000} s were cut off`);
      this.http.closeAllConnections();
    }, DRAIN_MS);
    this.app.get(LiveFeed).close();
    await this.app.close();
    clearTimeout(impatience);
    await this.app.get(OutboxRelay).stop();
    this.app.get(Redis).close();
    await this.app.get(Database).close();
    this.logger.info('Stopped');
  }

  private get http(): Server {
    return this.app.getHttpServer();
  }

  private async wire(): Promise<void> {
    const { prefix, corsOrigins } = this.config.http;
    this.observe(this.app.getHttpAdapter().getInstance());
    await this.app.register(fastifyHelmet, {
      // Whoever ends TLS knows for how long it will be there.
      hsts: false,
      contentSecurityPolicy: {
        // The API's page and its styles are all there is to protect.
        directives: {
          defaultSrc: ["'self'"],
          styleSrc: ["'self'", "'unsafe-inline'"],
          imgSrc: ["'self'", 'data:'],
          upgradeInsecureRequests: null,
        },
      },
    });
    if (corsOrigins.length > 0) {
      this.app.enableCors({
        origin: corsOrigins,
        methods: ['GET', 'POST', 'PATCH'],
        allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'x-request-id'],
        exposedHeaders: ['idempotent-replayed', 'retry-after', 'x-cache', 'x-request-id'],
        maxAge: 600,
      });
    }
    this.app.setGlobalPrefix(prefix);
    this.app.useGlobalPipes(
      new ValidationPipe({
        whitelist: true,
        forbidNonWhitelisted: true,
        transform: true,
        exceptionFactory: validationProblem,
      }),
    );
    this.document(prefix);
    const metrics = this.app.get(Metrics);
    metrics.expectSales(`/${prefix}/sales`, this.config.shop.currency);
    metrics.watchPool(this.app.get(Database).pool);
    metrics.watchOutbox(() => this.app.get(OutboxRelay).backlog());
    metrics.watchDependency('redis', () => this.app.get(Redis).isReady);
    await this.app.init();
  }

  /** Request ids, log lines and metrics around every request, and the endpoints outside the prefix. */
  private observe(fastify: FastifyInstance): void {
    fastify.decorateRequest('principal', undefined);
    fastify.addHook('onRequest', (request, reply, next) => {
      void reply.header('x-request-id', request.id);
      requestContext.run({ requestId: request.id }, next);
    });
    // Reading a body leaves the context of the request.
    fastify.addHook('preValidation', (request, _reply, next) => {
      requestContext.run({ requestId: request.id }, next);
    });
    fastify.addHook('onSend', (_request, reply, payload, next) => {
      if (this.health.isDraining) void reply.header('connection', 'close');
      next(null, payload);
    });
    const plainRoutes = operationalRoutes(this.health, this.app.get(Metrics).registry);
    fastify.addHook('onResponse', (request, reply, next) => {
      const route = request.routeOptions.url ?? 'unknown';
      const { method } = request;
      const status = reply.statusCode;
      this.app.get(Metrics).observeRequest(method, route, status, reply.elapsedTime / 1000);
      if (!(route in plainRoutes)) {
        const milliseconds = Math.round(reply.elapsedTime);
        const userId = request.principal?.id;
        this.logger.info(
          {
            requestId: request.id,
            method,
            path: request.url,
            status,
            milliseconds,
            userId,
            client: request.ip,
          },
          'request',
        );
      }
      next();
    });
    for (const [path, answer] of Object.entries(plainRoutes)) {
      fastify.get(path, async (_request, reply) => {
        const { status, contentType, body } = await answer();
        return reply.status(status).header('content-type', contentType).send(body);
      });
    }
  }

  private document(prefix: string): void {
    const description = new DocumentBuilder()
      .setTitle('ZakPOS API')
      .setVersion(VERSION)
      .addBearerAuth()
      .build();
    SwaggerModule.setup(
      `${prefix}/docs`,
      this.app,
      () => SwaggerModule.createDocument(this.app, description),
      {
        jsonDocumentUrl: `${prefix}/docs-json`,
      },
    );
  }
}

function httpOptions(config: ServerConfig): FastifyServerOptions {
  return {
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    trustProxy: (_address, hop) => hop < config.http.trustedProxies,
    // A request that arrives on an open connection while draining is answered, not refused.
    return503OnClosing: false,
    // What the router refuses never reaches the filter.
    frameworkErrors: (error, request, reply) => {
      answerWith(badRequest(error.message), request, reply);
    },
    requestIdHeader: false,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return isSaneRequestId(given) ? given : randomUUID();
    },
  };
}
