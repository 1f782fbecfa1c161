/** Where backups of the database go, how often, and how long they are kept. */
import { z } from 'zod';
import { isSchedule } from '../schedule.ts';
import { bytes, dnsLabel, duration, image, pattern, resources, storage, text } from './fields.ts';

const cron = text('five fields of cron, such as "0 3 * * *"', isSchedule);

const s3 = z
  .strictObject({
    endpoint: pattern(
      'a URL with http:// or https:// and no path',
      /^https?:\/\/[^/\s]+\/?$/,
    )('URL of the S3 server; Amazon in `region` when it is left out.').optional(),
    cidr: z
      .cidrv4('a range of IPv4 addresses, such as 10.20.0.0/16')
      .default('0.0.0.0/0')
      .describe('Addresses of the S3 server, for the network policies.'),
    bucket: pattern(
      'lower case letters, digits, dots and hyphens, 3 to 63 characters',
      /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
    )('Bucket, which exists.'),
    prefix: pattern(
      'letters, digits, dots, hyphens, _ and /, without / at the ends',
      /^[\w.-]+(\/[\w.-]+)*$/,
    )('Folder in the bucket; zakpos-<environment> when it is left out.').optional(),
    region: pattern('a region, such as eu-central-1', /^[\w-]+$/)('Region.').default('us-east-1'),
    secret: dnsLabel('Secret with `access-key-id` and `secret-access-key`, which you make.').default(
      'zakpos-backup-s3',
    ),
  })
  .optional()
  .describe('S3 server that backups go to; there are none when it is left out.');

const keep = (count: number, what: string) =>
  z.int().min(1).max(1000).describe(`${what} whose last dump is kept.`).default(count);

export const backups = z
  .strictObject({
    s3,
    schedule: cron("When a dump and a base backup are made, by the shop's time zone.").default('0 3 * * *'),
    retention: z
      .strictObject({
        pointInTime: duration(
          'How far back the database can be restored to any point in time: base backups and the log since then.',
        ).default('7d'),
        daily: keep(7, 'Days'),
        weekly: keep(4, 'Weeks'),
        monthly: keep(6, 'Months'),
      })
      .prefault({}),
    drillSchedule: cron(
      "When the newest backup is restored into a throwaway server and compared, by the shop's time zone.",
    ).default('0 5 * * 0'),
    image: image('Image that rclone is taken from.').default('rclone/rclone:1.69'),
    storage: storage('2Gi', 'the log that has been received and is not in the bucket yet'),
    logKept: bytes(
      'Log that the server keeps for the archive at most; after that, no point in time until the next base backup can be restored. 64Mi at least, and a quarter of the volume of the database at most.',
    ).default('2Gi'),
    resources: resources({
      requests: { cpu: '50m', memory: '128Mi' },
      limits: { cpu: '1', memory: '512Mi' },
    }),
  })
  .prefault({});
