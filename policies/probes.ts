/** Probes that mean different things: started, ready to answer, and past help. */
import type { Config } from '../environments/schema.ts';
import { textsOf } from './files.ts';
import { services } from './objects.ts';
import { everyContainer, everyPod, type Policy } from './policy.ts';
import { allContainers, isJob, workloadName, type Probe, type Workload } from './workloads.ts';

const PROBES = ['startupProbe', 'readinessProbe', 'livenessProbe'] as const;

/** Containers that answer nobody and try again by themselves: what they don't do is told by metrics, and alerted. */
const ASKED_BY_METRICS = ['receive', 'upload', 'measure'];

/** What a probe asks, without how often. */
const question = ({ httpGet, tcpSocket, exec }: Probe): string =>
  JSON.stringify({ httpGet, tcpSocket, exec });
const secondsUntilFailed = ({ periodSeconds, failureThreshold }: Probe): number =>
  periodSeconds * failureThreshold;

/** The paths of an app, which the configuration chooses as the image has them. */
function chosenPaths(pod: Workload, { api, web, mobile }: Config): Config['api']['health'] | undefined {
  const byName = new Map([
    ['zakpos-api', api.health],
    // It runs in the API's image.
    ['zakpos-reports', api.health],
    ['zakpos-web', web.health],
    ['zakpos-mobile', mobile.health],
  ]);
  return byName.get(workloadName(pod));
}

export const probes: Policy = {
  name: 'probes',
  rules: {
    'on-what-lasts': {
      fix: 'give each container that goes on running a startup, a readiness and a liveness probe, and no other container any',
      findings: everyPod(function* (pod) {
        const lasting = isJob(pod)
          ? []
          : pod.pod.containers.filter(({ name }) => !ASKED_BY_METRICS.includes(name));
        for (const container of allContainers(pod)) {
          const wanted = lasting.includes(container);
          for (const probe of PROBES) {
            if ((container[probe] !== undefined) !== wanted)
              yield `container ${container.name} has ${wanted ? 'no' : 'a'} ${probe}`;
          }
        }
      }),
    },
    'readiness-is-not-liveness': {
      fix: 'ask for readiness what the pod needs to answer, and for liveness only whether a restart would help',
      findings: everyContainer(function* ({ readinessProbe, livenessProbe }, pod, { config }) {
        if (!readinessProbe || !livenessProbe) return;
        const chosen = chosenPaths(pod, config);
        if (chosen !== undefined && chosen.ready === chosen.live) return;
        if (question(readinessProbe) === question(livenessProbe)) yield 'asks the same for both';
      }),
    },
    'restart-is-the-last-resort': {
      fix: 'let readiness fail before liveness, and give a start twice the time of a failure',
      findings: everyContainer(function* ({ startupProbe, readinessProbe, livenessProbe }) {
        if (!startupProbe || !readinessProbe || !livenessProbe) return;
        if (secondsUntilFailed(readinessProbe) >= secondsUntilFailed(livenessProbe))
          yield 'is restarted before it is taken out of its Service';
        if (secondsUntilFailed(startupProbe) < 2 * secondsUntilFailed(livenessProbe))
          yield 'has no more time to start than to fail';
        if (startupProbe.periodSeconds > 2) yield 'is noticed late when it has started';
      }),
    },
    'liveness-is-of-the-pod-alone': {
      fix: 'ask the process itself; a restart mends nothing that is elsewhere',
      findings: everyContainer(function* (container, pod, rendered) {
        const probe = container.livenessProbe;
        if (probe === undefined) return;
        if (probe.httpGet?.host !== undefined || probe.tcpSocket?.host !== undefined)
          yield 'looks at another host';
        const script = textsOf(container, pod, rendered, probe.exec?.command ?? []).join('\n');
        for (const { name } of services(rendered)) {
          if (new RegExp(`${name}(?![\\w-])`).test(script)) yield `looks at ${name}`;
        }
        const path = probe.httpGet?.path ?? '';
        if (/\b(ready|readyz)\b/.test(path) && chosenPaths(pod, rendered.config)?.live !== path)
          yield `asks ${path}, whether it is ready`;
      }),
    },
    ports: {
      fix: 'name the port among those of the container',
      findings: everyContainer(function* (container) {
        for (const probe of PROBES.map((name) => container[name])) {
          const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
          if (port !== undefined && !container.ports.some(({ name }) => name === port))
            yield `has no port ${port}`;
        }
      }),
    },
  },
};
