/** Objects that are no workloads, as the policies read them. */
import { z } from 'zod';
import {
  intOrString,
  labelSelector,
  objectsOf,
  read,
  remembered,
  text,
  type Manifest,
  type Rendered,
} from './rendered.ts';

const serviceSpec = z.object({
  type: z.string().default('ClusterIP'),
  clusterIP: z.string().optional(),
  publishNotReadyAddresses: z.boolean().default(false),
  selector: text.default({}),
  ports: z.array(
    z.object({ name: z.string(), port: z.int(), targetPort: intOrString, nodePort: z.int().optional() }),
  ),
});
const ingressPath = z.object({
  path: z.string(),
  backend: z.object({
    service: z.object({
      name: z.string(),
      port: z.object({ name: z.string().optional(), number: z.int().optional() }),
    }),
  }),
});
const ingressSpec = z.object({
  ingressClassName: z.string(),
  tls: z.array(z.object({ hosts: z.array(z.string()), secretName: z.string() })).default([]),
  rules: z.array(z.object({ host: z.string().optional(), http: z.object({ paths: z.array(ingressPath) }) })),
});
const routeSpec = z.object({
  rules: z.array(
    z.object({
      matches: z.array(z.object({ path: z.object({ value: z.string() }) })).default([]),
      backendRefs: z.array(z.object({ name: z.string(), port: z.int() })).default([]),
    }),
  ),
});
const policyPeer = z.strictObject({
  ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).optional() }).optional(),
  namespaceSelector: labelSelector.strict().optional(),
  podSelector: labelSelector.strict().optional(),
});
export type PolicyPeer = z.output<typeof policyPeer>;
const policyPort = z.strictObject({ port: z.int(), protocol: z.enum(['TCP', 'UDP']) });
const policySpec = z.strictObject({
  podSelector: labelSelector.strict(),
  policyTypes: z.array(z.string()),
  ingress: z
    .array(z.strictObject({ from: z.array(policyPeer).min(1), ports: z.array(policyPort).min(1) }))
    .min(1)
    .optional(),
  egress: z
    .array(z.strictObject({ to: z.array(policyPeer).min(1), ports: z.array(policyPort).min(1) }))
    .min(1)
    .optional(),
});

const specOf = <Spec>(
  rendered: Rendered,
  kind: string,
  schema: z.ZodType<Spec>,
): (Manifest & { spec: Spec })[] =>
  objectsOf(rendered, kind).map((object) => ({
    ...object,
    spec: read(object, z.object({ spec: schema })).spec,
  }));

export const services = remembered((rendered) => specOf(rendered, 'Service', serviceSpec));
export const ingresses = remembered((rendered) => specOf(rendered, 'Ingress', ingressSpec));
const httpRoutes = remembered((rendered) => specOf(rendered, 'HTTPRoute', routeSpec));

/** A way in: what sends requests below a path to a port of a Service. */
export interface Route {
  readonly from: Manifest;
  readonly path: string;
  readonly service: string;
  readonly port: string | number | undefined;
}
export const routes = remembered((rendered): readonly Route[] => [
  ...ingresses(rendered).flatMap((from) =>
    from.spec.rules.flatMap(({ http }) =>
      http.paths.map(({ path, backend: { service } }) => ({
        from,
        path,
        service: service.name,
        port: service.port.name ?? service.port.number,
      })),
    ),
  ),
  ...httpRoutes(rendered).flatMap((from) =>
    from.spec.rules.flatMap(({ matches, backendRefs }) =>
      matches.flatMap(({ path }) =>
        backendRefs.map(({ name, port }) => ({ from, path: path.value, service: name, port })),
      ),
    ),
  ),
]);
/** Parsed strictly: a selector or rule that the tests don't know can't pass unseen, nor can an empty list. */
export const networkPolicies = remembered((rendered) => specOf(rendered, 'NetworkPolicy', policySpec));
export const disruptionBudgets = remembered((rendered) =>
  specOf(
    rendered,
    'PodDisruptionBudget',
    z.object({
      maxUnavailable: z.int().optional(),
      minAvailable: z.int().optional(),
      selector: labelSelector,
      unhealthyPodEvictionPolicy: z.string().optional(),
    }),
  ),
);
/** Parsed strictly, since what an autoscaler does is in few fields. */
export const autoscalers = remembered((rendered) =>
  specOf(
    rendered,
    'HorizontalPodAutoscaler',
    z.strictObject({
      scaleTargetRef: z.strictObject({ apiVersion: z.string(), kind: z.string(), name: z.string() }),
      minReplicas: z.int(),
      maxReplicas: z.int(),
      metrics: z.array(z.looseObject({ type: z.string() })).min(1),
      behavior: z.looseObject({}),
    }),
  ),
);
export const quotas = remembered((rendered) =>
  specOf(
    rendered,
    'ResourceQuota',
    z.strictObject({ hard: z.record(z.string(), z.union([z.string(), z.int()])) }),
  ),
);
export const priorityClasses = remembered((rendered) =>
  objectsOf(rendered, 'PriorityClass').map((object) => ({
    ...object,
    ...read(object, z.object({ value: z.int(), globalDefault: z.boolean().default(false) })),
  })),
);
export const apiServices = remembered((rendered) =>
  specOf(
    rendered,
    'APIService',
    z.object({ service: z.object({ name: z.string(), namespace: z.string(), port: z.int() }) }),
  ),
);

/** Files of a ConfigMap, or keys of a Secret, by name. */
const dataOf = (rendered: Rendered, kind: string, field: 'data' | 'stringData') =>
  objectsOf(rendered, kind).map((object) => {
    const fields = read(object, z.object({ data: text.optional(), stringData: text.optional() }));
    return { ...object, data: fields[field] ?? {} };
  });

export const configMaps = remembered((rendered) => dataOf(rendered, 'ConfigMap', 'data'));
export const secrets = remembered((rendered) => dataOf(rendered, 'Secret', 'stringData'));

const roleBinding = z.object({
  roleRef: z.object({ kind: z.string(), name: z.string() }),
  subjects: z.array(z.object({ kind: z.string(), name: z.string(), namespace: z.string() })),
});
export const roleBindings = remembered((rendered) =>
  rendered.objects
    .filter(({ kind }) => kind === 'RoleBinding' || kind === 'ClusterRoleBinding')
    .map((object) => ({ ...object, ...read(object, roleBinding) })),
);
