import { once } from 'node:events';

import { sql } from 'kysely';

import { runEntry } from './common/entry.js';
import { portOf } from './common/listen.js';
import { createLogger } from './common/logger.js';
import { serve } from './common/serve.js';
import { parseEnvironment } from './config/environment.js';
import { workerSchema } from './config/schema.js';
import { Database } from './database/database.js';
import { Health } from './health/health.js';
import { operationalRoutes } from './health/routes.js';
import { HourlyReports } from './worker/hourly-reports.js';
import { Housekeeping } from './worker/housekeeping.js';
import { SalesConsumer } from './worker/sales-consumer.js';
import { WorkerMetrics } from './worker/worker-metrics.js';

runEntry('zakpos-worker', async () => {
  const config = parseEnvironment(workerSchema, process.env);
  const logger = createLogger('zakpos-worker', config.process.logLevel);
  const database = new Database(config.database, { applicationName: 'zakpos-worker' }, logger);
  const metrics = new WorkerMetrics();
  const reports = new HourlyReports(database, config.shop.timeZone);
  const consumer = new SalesConsumer(config.kafka, reports, metrics, logger);
  const housekeeping = new Housekeeping(database, logger);
  const health = new Health(
    database,
    { postgres: () => sql`select 1`.execute(database.query), kafka: () => consumer.ping() },
    logger,
  );
  const http = serve(operationalRoutes(health, metrics.registry));

  http.listen(config.process.port);
  await once(http, 'listening');
  logger.info({ port: portOf(http) }, 'ZakPOS reports worker is running');
  consumer.start();
  housekeeping.start();

  return async () => {
    health.drain();
    logger.info('Finishing the event in hand');
    housekeeping.stop();
    await consumer.stop();
    http.close();
    http.closeAllConnections();
    await database.close();
    logger.info('Stopped');
  };
});
