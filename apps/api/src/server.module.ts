import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import type { Logger } from 'pino';

import { AccessGuard } from './auth/access.guard.js';
import { AccessTokens } from './auth/access-tokens.js';
import { AuthController } from './auth/auth.controller.js';
import { RateLimits } from './auth/rate-limits.js';
import { SecurityEvents } from './auth/security-events.js';
import { Sessions } from './auth/sessions.js';
import { ProblemFilter } from './common/problem.filter.js';
import { CONFIG, LOGGER } from './common/tokens.js';
import type { ServerConfig } from './config/schema.js';
import { Database } from './database/database.js';
import { LiveFeed } from './live/live-feed.js';
import { Metrics } from './metrics/metrics.js';
import { OutboxRelay } from './outbox/outbox.relay.js';
import { ProductsController } from './products/products.controller.js';
import { ProductsService } from './products/products.service.js';
import { Redis } from './redis/redis.js';
import { ReportsController } from './reports/reports.controller.js';
import { ReportsService } from './reports/reports.service.js';
import { TotalsCache } from './reports/totals-cache.js';
import { SalesController } from './sales/sales.controller.js';
import { SalesService } from './sales/sales.service.js';
import { UsersController } from './users/users.controller.js';
import { UsersService } from './users/users.service.js';

/** The composition of the server. */
@Module({})
export class ServerModule {
  static with(config: ServerConfig, logger: Logger): DynamicModule {
    return {
      module: ServerModule,
      controllers: [AuthController, UsersController, ProductsController, SalesController, ReportsController],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        {
          provide: Database,
          useFactory: () => new Database(config.database, { applicationName: 'zakpos-api' }, logger),
        },
        { provide: Redis, useFactory: () => new Redis(config.redis, 'zakpos-api', logger) },
        Metrics,
        SecurityEvents,
        AccessTokens,
        RateLimits,
        Sessions,
        UsersService,
        ProductsService,
        OutboxRelay,
        LiveFeed,
        TotalsCache,
        SalesService,
        ReportsService,
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}
