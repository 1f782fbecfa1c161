import { k8s } from './k8s.ts';

/** How to ask a container: one of the factories. */
export type Check = Pick<k8s.Probe, 'exec' | 'httpGet' | 'tcpSocket'>;

export const Check = {
  /** GET `path` on the named port answers 2xx or 3xx. */
  http: (path: string, port: string): Check => ({
    httpGet: { path, port: k8s.IntOrString.fromString(port) },
  }),
  /** The same over TLS; the certificate isn't checked. */
  https: (path: string, port: string): Check => ({
    httpGet: { path, port: k8s.IntOrString.fromString(port), scheme: 'HTTPS' },
  }),
  /** The named port accepts a connection. */
  tcp: (port: string): Check => ({ tcpSocket: { port: k8s.IntOrString.fromString(port) } }),
  /** A command in the container exits with 0. */
  exec: (...command: string[]): Check => ({ exec: { command } }),
};

/** The three questions that the kubelet asks; each means something else. */
export interface ProbesProps {
  /** Has it started? Asked each second; the other two wait for it. */
  readonly startup: Check;
  /** Does this pod answer now? Else it gets no requests. */
  readonly readiness: Check;
  /** Is it beyond help? Then it is restarted. Must look at nothing but its own process. */
  readonly liveness: Check;
  /**
   * Seconds that a start may take before the container is restarted.
   * @default 120
   */
  readonly startupSeconds?: number;
  /**
   * Times that readiness may fail in a row, at intervals of 5 s, before the pod gets no requests.
   * @default 2
   */
  readonly readinessFailures?: number;
  /**
   * Seconds after which an answer counts as none.
   * @default 5
   */
  readonly timeoutSeconds?: number;
}

/** Probes of a container with intervals that find a start at once and a failure within seconds. */
export function probes(
  props: ProbesProps,
): Pick<k8s.Container, 'startupProbe' | 'readinessProbe' | 'livenessProbe'> {
  const timeoutSeconds = props.timeoutSeconds ?? 5;
  return {
    startupProbe: {
      ...props.startup,
      periodSeconds: 1,
      timeoutSeconds,
      failureThreshold: props.startupSeconds ?? 120,
    },
    readinessProbe: {
      ...props.readiness,
      periodSeconds: 5,
      timeoutSeconds,
      failureThreshold: props.readinessFailures ?? 2,
    },
    livenessProbe: { ...props.liveness, periodSeconds: 10, timeoutSeconds, failureThreshold: 6 },
  };
}
