/** How requests come in: Ingresses with Traefik's Middlewares, or HTTPRoutes, and this project's own Traefik. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { toBytes } from '../environments/quantities.ts';
import { KEPT } from '../lib/kept.ts';
import {
  defined,
  envOf,
  ingresses,
  mainContainer,
  objectsOf,
  only,
  render,
  ROOT,
  services,
  workload,
  type Rendered,
} from './manifests.ts';

const text = z.record(z.string(), z.string());

const middlewareSpec = z.strictObject({
  redirectScheme: z
    .strictObject({ scheme: z.literal('https'), permanent: z.boolean(), port: z.string().optional() })
    .optional(),
  headers: z.strictObject({ customResponseHeaders: text, stsSeconds: z.int().optional() }).optional(),
  rateLimit: z
    .strictObject({
      average: z.int(),
      burst: z.int(),
      period: z.literal('1s'),
      sourceCriterion: z.strictObject({
        ipStrategy: z.strictObject({ ipv6Subnet: z.literal(64), depth: z.int().optional() }),
      }),
    })
    .optional(),
  buffering: z.strictObject({ maxRequestBodyBytes: z.int() }).optional(),
  compress: z.strictObject({ encodings: z.array(z.string()) }).optional(),
});

/** What a Middleware of Traefik does; strict, so that none does more than these tests know. */
function middleware(rendered: Rendered, name: string): z.output<typeof middlewareSpec> {
  const object = only(
    objectsOf(rendered, 'Middleware').filter((each) => each.name === name),
    `Middleware ${name}`,
  );
  return z.object({ spec: middlewareSpec }).parse(object.raw).spec;
}

type Ingress = ReturnType<typeof ingresses>[number];
const ingress = (rendered: Rendered, name: string): Ingress =>
  only(
    ingresses(rendered).filter((each) => each.name === name),
    `Ingress ${name}`,
  );
const router = ({ annotations }: Ingress, option: string): string | undefined =>
  annotations[`traefik.ingress.kubernetes.io/router.${option}`];
const chain = (each: Ingress): string[] => router(each, 'middlewares')?.split(',') ?? [];
const ofNamespace = (...names: string[]): string[] => names.map((name) => `zakpos-${name}@kubernetescrd`);
const hosts = ({ spec }: Ingress): string[] => spec.rules.flatMap(({ host }) => host ?? []);
const targets = ({ spec }: Ingress): string[] =>
  spec.rules.flatMap(({ host, http }) =>
    http.paths.map(({ path, backend }) => `${host ?? '*'}${path} ${backend.service.name}`),
  );

const ON_KIND = { localPorts: { https: 20443 } };
const NGINX = { ingress: { className: 'nginx', annotations: { 'nginx.org/client-max-body-size': '256k' } } };
const GATEWAY = { ingress: { api: 'gateway' } };
const WITHOUT_TLS = { ingress: { tls: { source: 'none' } } };

const dev = render('dev');
const onKind = render('test', ON_KIND);
const prod = render('prod');
const withTraefik: readonly Rendered[] = [dev, onKind, prod, render('cloud'), render('prod', WITHOUT_TLS)];
const [TILL, MOBILE] = ['zakpos.localhost', 'mobile.zakpos.localhost'];

describe('Middlewares', () => {
  test('are all used, and what is named is there', () => {
    for (const each of withTraefik) {
      const made = objectsOf(each, 'Middleware').map(
        ({ namespace, name }) => `${String(namespace)}-${name}@kubernetescrd`,
      );
      expect(new Set(ingresses(each).flatMap(chain))).toEqual(new Set(made));
    }
  });

  test('are passed from the outside in: headers, limits, and what is compressed is what the app answered', () => {
    const pages = ofNamespace('zakpos-headers', 'zakpos-rate-limit', 'zakpos-compression');
    const api = ofNamespace(
      ...['zakpos-headers', 'zakpos-rate-limit', 'zakpos-body-limit', 'zakpos-compression'],
    );
    for (const each of withTraefik) {
      for (const found of ingresses(each).filter(({ name }) => name !== 'zakpos-to-https')) {
        const toApi = targets(found).map((target) => target.endsWith(' zakpos-api'));
        expect(new Set(toApi).size).toBe(1);
        expect(chain(found)).toEqual(toApi[0] === true ? api : pages);
      }
    }
  });

  test('take their limits from the configuration', () => {
    const own = { rateLimit: { average: 7, burst: 11 }, maxBody: '2Mi', permissionsPolicy: 'usb=(self)' };
    const rendered = render('prod', { ingress: own });
    expect(middleware(rendered, 'zakpos-rate-limit').rateLimit).toMatchObject({ average: 7, burst: 11 });
    expect(middleware(rendered, 'zakpos-body-limit').buffering?.maxRequestBodyBytes).toBe(2 * 2 ** 20);
    expect(middleware(rendered, 'zakpos-headers').headers?.customResponseHeaders).toMatchObject({
      'Permissions-Policy': 'usb=(self)',
    });
  });

  test('count a client by its own address, and by X-Forwarded-For only behind proxies that are trusted', () => {
    const strategy = (rendered: Rendered) =>
      middleware(rendered, 'zakpos-rate-limit').rateLimit?.sourceCriterion.ipStrategy;
    expect(strategy(prod)).toEqual({ ipv6Subnet: 64 });
    expect(strategy(render('prod', { ingress: { trustedProxies: 2 } }))).toEqual({
      ipv6Subnet: 64,
      depth: 2,
    });
  });

  test("set no content security policy, which would take the place of the app's own", () => {
    for (const each of withTraefik) {
      const { headers } = middleware(each, 'zakpos-headers');
      expect(Object.keys(headers?.customResponseHeaders ?? {})).not.toContain('Content-Security-Policy');
    }
  });

  test('compress with what needs next to no memory', () => {
    for (const each of withTraefik)
      expect(middleware(each, 'zakpos-compression').compress?.encodings).toEqual(['gzip']);
  });
});

describe('HSTS', () => {
  const header = 'Strict-Transport-Security';

  test('is as long as the configuration says', () => {
    const { headers } = middleware(
      render('prod', { ingress: { tls: { hstsSeconds: 600 } } }),
      'zakpos-headers',
    );
    expect(headers?.stsSeconds).toBe(600);
    expect(headers?.customResponseHeaders).not.toHaveProperty(header);
  });

  test.each([
    ['with 0 seconds', onKind],
    ['without TLS', render('prod', WITHOUT_TLS)],
  ])('is taken away %s, whatever the app says', (_, rendered) => {
    const { headers } = middleware(rendered, 'zakpos-headers');
    expect(headers?.stsSeconds).toBeUndefined();
    expect(headers?.customResponseHeaders).toMatchObject({ [header]: '' });
  });
});

describe('with TLS', () => {
  test.each([
    ['on kind', onKind, 'http', 'https', [TILL, MOBILE]],
    ['elsewhere', prod, 'web', 'websecure', ['zakpos.example.com', 'mobile.zakpos.example.com']],
  ] as const)('%s plain HTTP of the hosts only leads to HTTPS', (_, rendered, http, https, names) => {
    const redirect = ingress(rendered, 'zakpos-to-https');
    expect(router(redirect, 'entrypoints')).toBe(http);
    expect(chain(redirect)).toEqual(ofNamespace('zakpos-to-https'));
    expect(hosts(redirect)).toEqual(names);
    expect(redirect.spec.tls).toEqual([]);

    for (const name of ['zakpos', 'zakpos-api']) {
      const secured = ingress(rendered, name);
      expect(router(secured, 'entrypoints')).toBe(https);
      expect(router(secured, 'tls')).toBe('true');
      expect(hosts(secured)).toEqual(names);
      expect(secured.spec.tls).toEqual([{ hosts: names, secretName: 'zakpos-ingress-tls' }]);
    }
  });

  test('the redirect names the port of this machine, and none elsewhere', () => {
    const { redirectScheme } = middleware(onKind, 'zakpos-to-https');
    expect(redirectScheme?.port).toBe('20443');
    expect(middleware(prod, 'zakpos-to-https').redirectScheme).not.toHaveProperty('port');
  });

  test('browsers keep the redirect where HSTS is for good anyway', () => {
    expect(middleware(onKind, 'zakpos-to-https').redirectScheme?.permanent).toBe(false);
    expect(middleware(prod, 'zakpos-to-https').redirectScheme?.permanent).toBe(true);
  });

  test('the ports that kind gives to this machine stay plain HTTP, for any name', () => {
    const ports = ingresses(onKind).filter(({ name }) => name.startsWith('zakpos-port-'));
    expect(new Set(ports.map((each) => router(each, 'entrypoints')))).toEqual(
      new Set(['api', 'web', 'mobile']),
    );
    for (const each of ports) {
      expect(each.spec.tls).toEqual([]);
      expect(hosts(each)).toEqual([]);
      expect(chain(each)).not.toContain('zakpos-zakpos-to-https@kubernetescrd');
    }
    expect(ports.flatMap(targets).sort()).toEqual([
      '*/ zakpos-mobile',
      '*/ zakpos-web',
      ...Array<string>(3).fill('*/api/v1 zakpos-api'),
      '*/health zakpos-api',
    ]);
  });

  test('entry points of another Traefik have the names that the configuration says', () => {
    const rendered = render('prod', { ingress: { entryPoints: { http: 'plain', https: 'secure' } } });
    expect(ingresses(rendered).map((each) => router(each, 'entrypoints'))).toEqual([
      'secure',
      'secure',
      'plain',
    ]);
  });
});

describe('without TLS', () => {
  test('there is no redirect, no certificate, and on kind plain HTTP alone', () => {
    for (const each of [dev, render('prod', WITHOUT_TLS)]) {
      expect(objectsOf(each, 'Middleware').map(({ name }) => name)).not.toContain('zakpos-to-https');
      for (const found of ingresses(each)) {
        expect(found.spec.tls).toEqual([]);
        expect(router(found, 'tls')).toBeUndefined();
        expect(router(found, 'entrypoints')).not.toBe('https');
      }
    }
    expect(router(ingress(dev, 'zakpos'), 'entrypoints')).toBe('http');
  });

  test('another Traefik answers on all that it has, since something in front may have the TLS', () => {
    const found = ingresses(render('prod', WITHOUT_TLS)).map((each) => router(each, 'entrypoints'));
    expect(found).toEqual([undefined, undefined]);
  });
});

describe('another controller', () => {
  test.each([
    ['of another class', NGINX],
    ['without Middlewares', { ingress: { ...NGINX.ingress, className: 'traefik', middlewares: false } }],
  ])('%s gets one Ingress with the annotations of its own', (_, own) => {
    const rendered = render('prod', own);
    expect(objectsOf(rendered, 'Middleware')).toEqual([]);
    const { annotations, spec } = only(ingresses(rendered), 'Ingress');
    expect(annotations).toEqual(own.ingress.annotations);
    expect(spec.ingressClassName).toBe(own.ingress.className);
    expect(spec.tls).toHaveLength(1);
  });

  test('that is a Traefik under another class gets Middlewares when it is told', () => {
    const rendered = render('prod', { ingress: { className: 'edge', middlewares: true } });
    expect(objectsOf(rendered, 'Middleware')).toHaveLength(5);
    expect(ingress(rendered, 'zakpos').spec.ingressClassName).toBe('edge');
  });
});

const role = z.object({
  rules: z.array(
    z.object({
      apiGroups: z.array(z.string()),
      resources: z.array(z.string()),
      verbs: z.array(z.string()),
    }),
  ),
});
const rulesOf = (kind: string, name: string) =>
  role.parse(
    only(
      objectsOf(onKind, kind).filter((each) => each.name === name),
      `${kind} ${name}`,
    ).raw,
  ).rules;

const CRDS = join(ROOT, 'imports/crds');
const crdFiles = readdirSync(CRDS).filter((file) => file.startsWith('traefik-'));
const crdNames = crdFiles.flatMap((file) =>
  parseAllDocuments(readFileSync(join(CRDS, file), 'utf8')).map(
    (document) => z.object({ metadata: z.object({ name: z.string() }) }).parse(document.toJS()).metadata.name,
  ),
);

describe("this project's own Traefik", () => {
  const { args, resources, ...container } = mainContainer(onKind, 'traefik');

  test('may list and watch what it needs, and get or change nothing', () => {
    const rules = [...rulesOf('Role', 'traefik'), ...rulesOf('ClusterRole', 'zakpos-traefik')];
    for (const { verbs } of rules) expect(verbs).toEqual(['list', 'watch']);
    expect(rulesOf('ClusterRole', 'zakpos-traefik').flatMap(({ resources: kinds }) => kinds)).toEqual([
      'ingressclasses',
      'nodes',
    ]);
  });

  test('may watch each custom resource whose CRD is there, since it waits for all of them', () => {
    const watched = rulesOf('Role', 'traefik')
      .filter(({ apiGroups }) => apiGroups.includes('traefik.io'))
      .flatMap(({ resources: kinds }) => kinds.map((kind) => `${kind}.traefik.io`));
    expect(watched.sort()).toEqual([...crdNames].sort());
  });

  test('looks at the namespace of the product alone, for Ingresses and for custom resources', () => {
    expect(args).toEqual(
      expect.arrayContaining([
        '--providers.kubernetesingress=true',
        '--providers.kubernetesingress.namespaces=zakpos',
        '--providers.kubernetescrd=true',
        '--providers.kubernetescrd.namespaces=zakpos',
      ]),
    );
  });

  test('has each entry point that an Ingress names', () => {
    for (const each of [dev, onKind]) {
      const known = mainContainer(each, 'traefik').args.join('\n');
      for (const found of ingresses(each))
        expect(known).toContain(
          `--entrypoints.${defined(router(found, 'entrypoints'), found.name)}.address=`,
        );
    }
  });

  test('sees the addresses of clients and trusts nobody else to name them', () => {
    const service = only(
      services(onKind).filter(({ name }) => name === 'traefik'),
      'Service traefik',
    );
    const { spec } = z
      .object({ spec: z.object({ type: z.string(), externalTrafficPolicy: z.string() }) })
      .parse(service.raw);
    expect(spec).toEqual({ type: 'NodePort', externalTrafficPolicy: 'Local' });
    expect(args.filter((arg) => /forwardedheaders|proxyprotocol/i.test(arg))).toEqual([]);
  });

  test('runs on the node whose ports are mapped, which lets nothing else run', () => {
    const pod = z.object({
      spec: z.object({ nodeSelector: text, tolerations: z.array(text) }),
    });
    const { spec } = pod.parse(workload(onKind, 'traefik').template);
    expect(spec.nodeSelector).toEqual({ 'node-role.kubernetes.io/control-plane': '' });
    expect(spec.tolerations).toEqual([
      { key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' },
    ]);
  });

  test('speaks TLS 1.2 at least, on every host', () => {
    const option = only(objectsOf(onKind, 'TLSOption'), 'TLSOption');
    expect(option).toMatchObject({
      name: 'default',
      namespace: 'zakpos',
      raw: { spec: { minVersion: 'VersionTLS12' } },
    });
    expect(objectsOf(prod, 'TLSOption')).toEqual([]);
  });

  test('collects its garbage before its limit of memory', () => {
    const limit = toBytes(defined(resources.limits.memory, 'limit'));
    const told = /^(\d+)MiB$/.exec(envOf({ ...container, args, resources }, 'GOMEMLIMIT') ?? '')?.[1];
    expect(Number(told) * 2 ** 20).toBeGreaterThan(limit / 2);
    expect(Number(told) * 2 ** 20).toBeLessThanOrEqual(0.8 * limit);
  });

  test('comes with its CRDs, and only where it comes itself', () => {
    const outdir = mkdtempSync(join(tmpdir(), 'zakpos-edge-'));
    try {
      const env = { PATH: process.env.PATH, HOME: process.env.HOME, CDK8S_OUTDIR: outdir };
      execFileSync(process.execPath, ['synth.mjs'], { cwd: ROOT, env });
      for (const name of ['dev', 'test']) {
        const crds = join(outdir, name, 'crds');
        expect(readdirSync(crds).sort()).toEqual([...crdFiles].sort());
        for (const file of crdFiles) {
          const written = readFileSync(join(crds, file), 'utf8');
          // Nobody who prunes takes them, and with them whatever is of their kinds.
          for (const [annotation, value] of Object.entries(KEPT))
            expect(written).toContain(`${annotation}: ${value}\n`);
          const others = written
            .split('\n')
            .filter((line) => !Object.keys(KEPT).some((key) => line.includes(key)));
          expect(others.join('\n')).toBe(readFileSync(join(CRDS, file), 'utf8'));
        }
      }
      for (const name of ['prod', 'cloud']) expect(readdirSync(join(outdir, name))).not.toContain('crds');
    } finally {
      rmSync(outdir, { recursive: true });
    }
  });
});

const httpRoute = z.object({
  spec: z.strictObject({
    parentRefs: z.tuple([
      z.strictObject({ name: z.string(), namespace: z.string(), sectionName: z.string() }),
    ]),
    hostnames: z.array(z.string()),
    rules: z.array(
      z.strictObject({
        matches: z
          .tuple([
            z.strictObject({ path: z.strictObject({ type: z.literal('PathPrefix'), value: z.string() }) }),
          ])
          .optional(),
        filters: z.tuple([
          z.strictObject({
            type: z.string(),
            responseHeaderModifier: z
              .strictObject({
                set: z.array(z.strictObject({ name: z.string(), value: z.string() })),
                remove: z.array(z.string()).optional(),
              })
              .optional(),
            requestRedirect: z.strictObject({ scheme: z.string(), statusCode: z.int() }).optional(),
          }),
        ]),
        backendRefs: z.tuple([z.strictObject({ name: z.string(), port: z.int() })]).optional(),
      }),
    ),
  }),
});
const httpRoutes = (rendered: Rendered) =>
  objectsOf(rendered, 'HTTPRoute').map(({ name, raw }) => ({ name, ...httpRoute.parse(raw) }));

describe('HTTPRoutes', () => {
  const rendered = render('prod', GATEWAY);
  const routes = httpRoutes(rendered).filter(({ name }) => name !== 'zakpos-to-https');

  test('take the place of Ingresses and Middlewares', () => {
    expect(httpRoutes(rendered).map(({ name }) => name)).toEqual([
      'zakpos',
      'zakpos-mobile',
      'zakpos-to-https',
    ]);
    expect(ingresses(rendered)).toEqual([]);
    expect(objectsOf(rendered, 'Middleware')).toEqual([]);
    expect(httpRoutes(prod)).toEqual([]);
  });

  test.each([
    ['everything', {}],
    ['no web', { web: { enabled: false } }],
    ['no mobile app', { mobile: { enabled: false } }],
    ['ports and a prefix of its own', { api: { port: 8080, prefix: 'pos' }, mobile: { port: 8081 } }],
  ])('lead where an Ingress of the same configuration leads: %s', (_, own) => {
    const other = ingresses(render('prod', own)).filter(({ name }) => name !== 'zakpos-to-https');
    const each = render('prod', { ...own, ...GATEWAY });
    const found = httpRoutes(each)
      .filter(({ name }) => name !== 'zakpos-to-https')
      .flatMap(({ spec: { hostnames, rules } }) =>
        hostnames.flatMap((host) =>
          rules.map(({ matches, backendRefs }) => {
            const [service] = backendRefs ?? [];
            const { spec } = only(
              services(each).filter(({ name }) => name === service?.name),
              'Service',
            );
            expect(spec.ports.map(({ port }) => port)).toEqual([service?.port]);
            return `${host}${String(matches?.[0].path.value)} ${String(service?.name)}`;
          }),
        ),
      );
    expect(found.sort()).toEqual(other.flatMap(targets).sort());
  });

  test('set the headers that the Middleware sets', () => {
    const { headers } = middleware(prod, 'zakpos-headers');
    const expected = {
      ...headers?.customResponseHeaders,
      'Strict-Transport-Security': `max-age=${String(headers?.stsSeconds)}`,
    };
    for (const { filters } of routes.flatMap(({ spec }) => spec.rules)) {
      const { set = [], remove } = filters[0].responseHeaderModifier ?? {};
      expect(Object.fromEntries(set.map(({ name, value }) => [name, value]))).toEqual(expected);
      expect(remove).toBeUndefined();
    }
  });

  test("belong to the listeners of the operator's Gateway: HTTPS, and HTTP only to lead there", () => {
    const own = { name: 'edge', namespace: 'infra', httpListener: 'plain', httpsListener: 'secure' };
    const found = httpRoutes(render('prod', { ingress: { api: 'gateway', gateway: own } }));
    const parent = (sectionName: string) => [{ name: 'edge', namespace: 'infra', sectionName }];
    expect(found.map(({ spec }) => spec.parentRefs)).toEqual([
      parent('secure'),
      parent('secure'),
      parent('plain'),
    ]);
    const redirect = defined(found[2], 'redirect').spec;
    expect(redirect.hostnames).toEqual(['zakpos.example.com', 'mobile.zakpos.example.com']);
    expect(redirect.rules).toEqual([
      { filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }] },
    ]);
  });

  test('without TLS are on the listener of HTTP, and take HSTS away', () => {
    const found = httpRoutes(render('prod', { ingress: { ...GATEWAY.ingress, ...WITHOUT_TLS.ingress } }));
    expect(found.map(({ name }) => name)).toEqual(['zakpos', 'zakpos-mobile']);
    for (const { spec } of found) {
      expect(spec.parentRefs[0].sectionName).toBe('http');
      for (const { filters } of spec.rules) {
        expect(filters[0].responseHeaderModifier?.remove).toEqual(['Strict-Transport-Security']);
        expect(JSON.stringify(filters[0].responseHeaderModifier?.set)).not.toContain('max-age');
      }
    }
  });
});
