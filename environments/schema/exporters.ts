/** What tells metrics of the stores and of what grows old, wherever somebody asks for them. */
import { z } from 'zod';
import { appImage, image, resources } from './fields.ts';

export const exporters = z
  .strictObject({
    postgresImage: image('Image of postgres_exporter.').default(
      'quay.io/prometheuscommunity/postgres-exporter:v0.15.0',
    ),
    redisImage: image('Image of redis_exporter.').default('oliver006/redis_exporter:v1.61.0'),
    jmxAgentImage: appImage.describe(
      'Image with the agent through which Kafka and ZooKeeper tell metrics; when it is left out, the one that `npm run images` builds.',
    ),
    expiryCommand: z
      .array(z.string())
      .nullable()
      .default(['node', 'dist/expiry.js'])
      .describe(
        'Command in the image of the API that tells when certificates end and Secrets were made; null for none.',
      ),
    resources: resources({
      requests: { cpu: '10m', memory: '48Mi' },
      limits: { cpu: '200m', memory: '128Mi' },
    }),
  })
  .prefault({})
  .describe('What tells metrics of stores, certificates and Secrets, unless `mode` is `none`.');
