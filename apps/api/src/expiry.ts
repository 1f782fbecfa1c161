import { once } from 'node:events';

import { runEntry } from './common/entry.js';
import { portOf } from './common/listen.js';
import { createLogger } from './common/logger.js';
import { serve } from './common/serve.js';
import { parseEnvironment } from './config/environment.js';
import { expirySchema } from './config/schema.js';
import { ExpiryMetrics } from './expiry/expiry-metrics.js';

/** Tells Prometheus how old what has to be renewed is: of certificates their end, of Secrets no value but a time. */
runEntry('zakpos-expiry', async () => {
  const config = parseEnvironment(expirySchema, process.env);
  const logger = createLogger('zakpos-expiry', config.process.logLevel);
  const { registry } = new ExpiryMetrics(config.folders, logger);
  const http = serve({
    '/health/ready': () =>
      Promise.resolve({ status: 200, contentType: 'application/json', body: '{"status":"ok"}' }),
    '/metrics': async () => ({
      status: 200,
      contentType: registry.contentType,
      body: await registry.metrics(),
    }),
  });
  http.listen(config.process.port);
  await once(http, 'listening');
  logger.info({ port: portOf(http) }, 'ZakPOS expiry is watched');

  return () => {
    http.close();
    http.closeAllConnections();
    return Promise.resolve();
  };
});
