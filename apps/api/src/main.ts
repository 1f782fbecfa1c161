import { runEntry } from './common/entry.js';
import { createLogger } from './common/logger.js';
import { parseEnvironment } from './config/environment.js';
import { serverSchema } from './config/schema.js';
import { ApiServer } from './server.js';

runEntry('zakpos-api', async () => {
  const config = parseEnvironment(serverSchema, process.env);
  const logger = createLogger('zakpos-api', config.process.logLevel);
  const server = await ApiServer.create(config, logger);
  await server.listen();
  return () => server.close();
});
