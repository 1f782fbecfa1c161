/** Kinds of fields that the schema is made of: texts with what is expected of them, quantities, resources. */
import { z } from 'zod';
import { cpuToMillicores, isBytes, isCpu, isDuration, toBytes } from '../quantities.ts';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;
const IMAGE = /^[a-z0-9][a-z0-9._:/-]*:(?!latest$)[\w][\w.-]{0,127}(@sha256:[a-f0-9]{64})?$/;

/** A kind of text: how to tell it, and how to say what is expected. The reference shows both sentences. */
export const text = (expected: string, isValid: (value: string) => boolean) => (description: string) =>
  // What comes after may rely on a valid text, so a wrong one ends the checks.
  z.string(expected).refine(isValid, { error: expected, abort: true }).meta({ description, expected });
export const pattern = (expected: string, regex: RegExp) => text(expected, (value) => regex.test(value));

export const bytes = text('a whole number with a unit of bytes (Ki, Mi, Gi, Ti), such as 512Mi', isBytes);
export const cpu = text('cores or thousandths of one, such as 500m or 1.5', isCpu);
export const duration = text('a whole number with s, m, h or d, such as 7d', isDuration);
export const dnsLabel = pattern('lower case letters, digits and hyphens, at most 63 characters', DNS_LABEL);
export const hostName = pattern(
  'a DNS name in lower case without scheme or port, such as till.example.com',
  HOST_NAME,
);
export const image = pattern(
  'an image with a tag other than latest, such as registry.example.com/zakpos-api:1.4.2',
  IMAGE,
);
const path = pattern('a path that starts with /', /^\/\S*$/);
export const url = pattern('a path, or a URL with http:// or https://', /^(\/|https?:\/\/)\S+$/);
export const port = (description: string) => z.int().min(1).max(65535).describe(description);
const storageClass = z
  .string()
  .min(1)
  .optional()
  .describe('StorageClass of the claim; the default class of the cluster when it is left out.');

interface ResourceDefaults {
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly cpu?: string; readonly memory: string };
}

/** Requests and limits of one container; CPU is only limited where a limit is named. */
export const resources = (defaults: ResourceDefaults) =>
  z
    .strictObject({
      requests: z
        .strictObject({
          cpu: cpu('Cores set aside for the container.').default(defaults.requests.cpu),
          memory: bytes('Memory set aside for the container.').default(defaults.requests.memory),
        })
        .prefault({}),
      limits: z
        .strictObject({
          cpu: cpu('Cores above which the container is throttled; null for no limit.')
            .nullable()
            .default(defaults.limits.cpu ?? null),
          memory: bytes('Memory above which the container is killed.').default(defaults.limits.memory),
        })
        .prefault({}),
    })
    .superRefine(({ requests, limits }, context) => {
      const atMost = (
        limit: string | null,
        of: 'cpu' | 'memory',
        toNumber: (quantity: string) => number,
      ): void => {
        const input = requests[of];
        if (limit === null || toNumber(input) <= toNumber(limit)) return;
        context.addIssue({
          code: 'custom',
          path: ['requests', of],
          message: `at most limits.${of} (${limit})`,
          input,
        });
      };
      atMost(limits.memory, 'memory', toBytes);
      atMost(limits.cpu, 'cpu', cpuToMillicores);
    })
    .prefault({});

export const storage = (size: string, what: string) =>
  z
    .strictObject({
      size: bytes(`Size of the claim that holds ${what}.`).default(size),
      storageClass,
    })
    .prefault({});

export const health = (defaults: { startup: string; ready: string; live: string }) =>
  z
    .strictObject({
      startup: path('Answers 2xx once the process has started.').default(defaults.startup),
      ready: path('Answers 2xx while the pod takes requests.').default(defaults.ready),
      live: path('Answers 2xx unless the process has to be restarted; looks at no other service.').default(
        defaults.live,
      ),
    })
    .prefault({});

export const healthPaths = { startup: '/health/startup', ready: '/health/ready', live: '/health/live' };

export const extraEnv = z
  .record(z.string().regex(/^[A-Za-z_]\w*$/, 'a name of letters, digits and _'), z.string())
  .default({})
  .describe('Further environment variables of the container; not for secrets.');

export const podUser = (id: number) => ({
  uid: z.int().min(1).describe('User id that the container runs as; never 0.').default(id),
  gid: z.int().min(1).describe('Group id that the container runs as.').default(id),
});

export const appImage = image(
  'Image of the app; when it is left out, the one that `npm run images` builds from apps/ and dockerfiles/, tagged with the hash of its sources.',
).optional();

export const sources = z
  .enum(['image', 'mounted'])
  .default('image')
  .describe(
    'Where its code comes from: `image` has all of it; with `mounted`, which is for dev on kind, a server for development runs the apps/ of the checkout, and a save is seen at once. An image of your own is run as it is.',
  );

/** An issuer of cert-manager, which has one default name. */
export const issuer = (description: string, name: string) =>
  z
    .strictObject({
      name: dnsLabel('Its name.').default(name),
      kind: z.enum(['ClusterIssuer', 'Issuer']).default('ClusterIssuer').describe('Its kind.'),
    })
    .prefault({})
    .describe(description);

export const ownBuild = z
  .strictObject({
    context: z
      .string()
      .min(1, 'a folder, such as ../my-api')
      .describe('Folder that docker builds; from the repository on, unless it is absolute.'),
    dockerfile: z.string().min(1).default('Dockerfile').describe('Dockerfile, from that folder on.'),
    target: z
      .string()
      .min(1)
      .optional()
      .describe('Stage of the Dockerfile; the last one when it is left out.'),
  })
  .optional()
  .describe(
    'Sources of an image of your own, which `npm run images` and `npm run up` build in place of those in apps/.',
  );
