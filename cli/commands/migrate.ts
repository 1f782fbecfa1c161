/** `npm run migrate`: what a migration would do, or doing it before the new pods are there. */
import { readConfig } from '../environment.ts';
import { builtImages } from '../images.ts';
import { step } from '../steps.ts';
import { targetOf, type TargetOptions } from '../target.ts';
import { migrationsOf, runTask } from '../tasks.ts';
import { provide } from './images.ts';

export interface MigrateOptions extends TargetOptions {
  /**
   * Whether to show only what would be done.
   * @default false
   */
  readonly plan?: boolean;
}

export async function migrate(options: MigrateOptions): Promise<void> {
  const config = readConfig(options);
  const command = migrationsOf(config);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  if (kind !== undefined) {
    await step('Image of the API', async (line) => {
      for (const image of builtImages(config).filter(({ name }) => name === 'api' || name === 'api-dev')) {
        await provide(image, kind, line);
      }
    });
  }
  const said = await step(options.plan === true ? 'Plan' : 'Migrations', (line) =>
    runTask(kubectl, config, options.plan === true ? [...command, '--plan'] : command, line),
  );
  if (options.plan === true) console.log(said);
}
