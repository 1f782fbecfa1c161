/** `npm run db`: psql on the environment's database, as the app's role unless another is named. */
import type { Config } from '../../environments/schema.ts';
import { POSTGRES_ROLES, secretSpecs } from '../../environments/secrets.ts';
import { readConfig } from '../environment.ts';
import { CliError } from '../errors.ts';
import { placeIn, runIn, type Pods } from '../inside.ts';
import { targetOf, type TargetOptions } from '../target.ts';

/** Roles by the names that people give. */
export const ROLES = ['app', 'owner', 'exporter', 'backup', 'superuser'] as const;

export interface DbOptions extends TargetOptions {
  readonly as: (typeof ROLES)[number];
}

/** Answers the exit code of psql. */
export async function db(args: readonly string[], options: DbOptions): Promise<number> {
  const config = readConfig(options);
  const pods = serversOf(config);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  const place = await placeIn(kubectl, pods);
  return runIn(kubectl, place, [...psql(config, POSTGRES_ROLES[options.as]), ...args]);
}

/** Whoever is in the pod needs no password; what is typed stays in no file. */
function psql({ postgres }: Config, role: string): string[] {
  // CloudNativePG lets in the superuser alone, who may be anybody.
  const login =
    postgres.mode === 'cloudnativepg'
      ? { variables: [`PGOPTIONS=-c role=${role}`], user: POSTGRES_ROLES.superuser }
      : { variables: [], user: role };
  return [
    ...['env', 'PSQL_HISTORY=/dev/null', ...login.variables],
    ...['psql', '-U', login.user, '-d', postgres.database],
  ];
}

/** @throws {CliError} that says how to connect, when the server is somebody else's */
function serversOf(config: Config): Pods {
  const { namespace, postgres } = config;
  if (postgres.mode === 'external' && postgres.external !== undefined) {
    const { host, port, tls } = postgres.external;
    throw new CliError(
      `PostgreSQL is an external server, ${host}:${port}: no pod has psql.`,
      `From where it can be reached: \`psql 'host=${host} port=${port} dbname=${postgres.database} sslmode=${tls}'\`, with the user and password of the Secret ${secretSpecs(config).app.name}.`,
    );
  }
  return {
    name: 'zakpos-postgres',
    namespace,
    ...(postgres.mode === 'cloudnativepg'
      ? { selector: 'cnpg.io/cluster=zakpos-postgres,cnpg.io/instanceRole=primary' }
      : {}),
  };
}
