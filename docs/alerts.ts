/** docs/reference/alerts.md, made from the rules. */
import { alertGroups } from '../alerts/groups.ts';
import { inhibitions } from '../alerts/inhibitions.ts';
import { prod } from '../environments/prod.ts';
import { configSchema } from '../environments/schema.ts';

/** With all that there may be alerts of. */
const config = configSchema.parse({
  ...prod,
  monitoring: { mode: 'operator' },
  addons: { traefik: { enabled: true } },
  backups: { s3: { bucket: 'backups' } },
});

/** What an alert says, in an installation named zakpos. */
const said = (summary: string): string =>
  summary
    .replaceAll('{{ $labels.namespace }}', 'zakpos')
    .replace(/\{\{ \$labels\.(\w+) \}\}/g, '‹$1›')
    .replace(/\{\{ \$value[^}]*\}\}/g, '‹n›');

export const alertReference = (): string =>
  [
    '# Alerts',
    '',
    '<!-- Made by `npm run docs` from alerts/: change it there. -->',
    '',
    'All alerts of `prod` with everything turned on, and what each says; ‹n› is a number. `after` is how long it has to last.',
    '[How to turn them on](../how-to/alerts.md).',
    ...alertGroups(config).flatMap(({ name, rules }) => [
      '',
      `## ${name}`,
      '',
      '| alert | severity | after | says |',
      '| --- | --- | --- | --- |',
      ...rules.map(
        ({ name, severity, for: lasting, summary, runbook }) =>
          `| [${name}](${runbook.replace('docs/', '../')}) | ${severity} | ${lasting} | ${said(summary)} |`,
      ),
    ]),
    '',
    '## What silences what',
    '',
    'While the first fires, nobody is told of the others in the same namespace.',
    '',
    '| alert | silences |',
    '| --- | --- |',
    ...inhibitions.map(({ source, targets, equal = [], of = {} }) => {
      const narrowed = [
        ...equal.map((label) => ` of the same ${label}`),
        ...Object.entries(of).map(([label, value]) => ` of the ${label} ${value.replace('.+/', '')}`),
      ];
      return `| ${source} | ${targets.join(', ')}${narrowed.join(',')} |`;
    }),
    '',
  ].join('\n');
