/** `npm run redis`: redis-cli, logged in. */
import type { Config } from '../../environments/schema.ts';
import { secretSpecs } from '../../environments/secrets.ts';
import { readConfig } from '../environment.ts';
import { CliError } from '../errors.ts';
import { placeIn, runIn } from '../inside.ts';
import { targetOf, type TargetOptions } from '../target.ts';

/** A script of the pod, which reads the password from its file into a variable of redis-cli. */
const CLI = ['env', 'REDISCLI_HISTFILE=/dev/null', 'sh', '/usr/local/etc/redis/cli.sh'];

/** Answers the exit code of redis-cli. */
export async function redis(args: readonly string[], options: TargetOptions): Promise<number> {
  const config = readConfig(options);
  refuseExternal(config);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  const place = await placeIn(kubectl, { name: 'zakpos-redis', namespace: config.namespace });
  return runIn(kubectl, place, [...CLI, ...args]);
}

/** @throws {CliError} that says how to connect, when the server is somebody else's */
function refuseExternal(config: Config): void {
  const { mode, external } = config.redis;
  if (mode !== 'external' || external === undefined) return;
  const { host, port, tls } = external;
  throw new CliError(
    `Redis is an external server, ${host}:${port}: no pod has redis-cli.`,
    `From where it can be reached: \`redis-cli -h ${host} -p ${port}${tls === 'disable' ? '' : ' --tls'} --askpass\`, with the password of the Secret ${secretSpecs(config).redis.name}.`,
  );
}
