/** The monitoring that this project brings itself: Prometheus, Alertmanager, Grafana, Loki and a collector of logs. */
import { z } from 'zod';
import { toSeconds } from '../quantities.ts';
import { bytes, dnsLabel, duration, image, pattern, port, resources, storage } from './fields.ts';

const DAY = 86_400;

const address = pattern('an e-mail address', /^[^\s@<>]+@[^\s@<>]+$/);

/** Who is told of alerts of one severity. Credentials are in a Secret, never here. */
const receiver = (whom: string) =>
  z
    .strictObject({
      type: z
        .enum(['none', 'webhook', 'email', 'slack'])
        .default('none')
        .describe(`How ${whom} is told; with \`none\`, alerts are only on the page of Alertmanager.`),
      url: pattern(
        'a URL with http:// or https://',
        /^https?:\/\/\S+$/,
      )('URL that a webhook is posted to, unless it is a secret itself.').optional(),
      secret: z
        .strictObject({
          name: dnsLabel(
            'Secret that you make. Of a webhook: a token that `url` wants to see (Bearer), or without `url`, the URL; of Slack: the URL of its incoming webhook; of e-mail: the password of `username`.',
          ),
          key: pattern('letters, digits, dots, hyphens and _', /^[\w.-]{1,253}$/)('Its key.'),
        })
        .optional(),
      channel: z.string().min(1).optional().describe("Slack's channel, where it isn't that of the URL."),
      to: address('Who gets the e-mails.').optional(),
      from: address('Who they are from.').optional(),
      smarthost: pattern(
        'a host and a port, such as mail.example.com:587',
        /^[a-z0-9.-]+:\d{1,5}$/,
      )('Server that sends the e-mails.').optional(),
      username: z.string().min(1).optional().describe('User who logs in there.'),
      requireTls: z.boolean().default(true).describe('Whether e-mails go by TLS alone.'),
      cidr: z
        .cidrv4('a range of IPv4 addresses, such as 10.20.0.0/16')
        .default('0.0.0.0/0')
        .describe('Addresses of the receiver, for the network policies.'),
      port: port(
        'Its port, for the network policies; that of `url` or `smarthost`, or 443, when it is left out.',
      ).optional(),
    })
    .prefault({})
    .describe(`How ${whom} is told.`);

export const bundled = z
  .strictObject({
    prometheus: z
      .strictObject({
        image: image('Image of Prometheus.').default('prom/prometheus:v2.53.0'),
        interval: duration('How often metrics are asked for, and rules evaluated: 5s to 60s.')
          .refine((text) => toSeconds(text) >= 5 && toSeconds(text) <= 60, {
            error: '5s to 60s: rules look at the last minutes',
          })
          .default('15s'),
        retention: z
          .strictObject({
            time: duration('How long metrics are kept: a day or more.')
              .refine((text) => toSeconds(text) >= DAY, { error: 'a day or more' })
              .default('15d'),
            size: bytes('Size above which the oldest metrics go, however young they are.').default('7Gi'),
          })
          .prefault({}),
        storage: storage('10Gi', 'the metrics'),
        resources: resources({
          requests: { cpu: '100m', memory: '512Mi' },
          limits: { cpu: '1', memory: '1Gi' },
        }),
        discovery: z
          .strictObject({
            image: image('Image with Node.js 22 or later.').default('node:22-alpine'),
            resources: resources({
              requests: { cpu: '10m', memory: '64Mi' },
              limits: { cpu: '200m', memory: '128Mi' },
            }),
          })
          .prefault({})
          .describe('What tells Prometheus, in its pod, which pods and nodes there are.'),
      })
      .prefault({}),
    alertmanager: z
      .strictObject({
        image: image('Image of Alertmanager.').default('prom/alertmanager:v0.27.0'),
        receivers: z
          .strictObject({
            page: receiver('whoever acts at any hour'),
            ticket: receiver('whoever works on it the next day'),
          })
          .prefault({}),
        groupWait: duration(
          'How long the first message waits for what belongs to it, and for the cause that silences it.',
        ).default('30s'),
        groupInterval: duration('How long a group waits until it tells of what was added to it.').default(
          '5m',
        ),
        repeat: z
          .strictObject({
            page: duration('When what still is to be acted on is told again.').default('4h'),
            ticket: duration('The same of tickets.').default('3d'),
          })
          .prefault({}),
        storage: storage('1Gi', 'silences, and what has been told already'),
        resources: resources({
          requests: { cpu: '10m', memory: '32Mi' },
          limits: { cpu: '200m', memory: '128Mi' },
        }),
      })
      .prefault({}),
    grafana: z
      .strictObject({
        enabled: z.boolean().default(true).describe('Whether Grafana runs.'),
        image: image('Image of Grafana.').default('grafana/grafana:11.6.0'),
        resources: resources({
          requests: { cpu: '50m', memory: '128Mi' },
          limits: { cpu: '500m', memory: '384Mi' },
        }),
      })
      .prefault({}),
    logs: z
      .strictObject({
        enabled: z.boolean().default(true).describe('Whether logs are collected from the nodes into Loki.'),
        namespace: dnsLabel(
          'Namespace of the collector alone, since it reads a folder of its node; `<namespace>-node-agents` when it is left out.',
        ).optional(),
        loki: z
          .strictObject({
            image: image('Image of Loki.').default('grafana/loki:3.4.2'),
            retention: duration('How long logs are kept, in whole days; Loki knows no limit of size.')
              .refine((text) => toSeconds(text) % DAY === 0, { error: 'whole days, such as 7d' })
              .default('14d'),
            storage: storage('20Gi', 'the logs'),
            resources: resources({
              requests: { cpu: '100m', memory: '256Mi' },
              limits: { cpu: '1', memory: '512Mi' },
            }),
          })
          .prefault({}),
        collector: z
          .strictObject({
            image: image('Image of the OpenTelemetry Collector, with the components of contrib.').default(
              'otel/opentelemetry-collector-contrib:0.128.0',
            ),
            resources: resources({
              requests: { cpu: '50m', memory: '96Mi' },
              limits: { cpu: '500m', memory: '256Mi' },
            }),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .prefault({})
  .describe('What `mode: bundled` runs.');
