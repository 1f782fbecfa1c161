/** Whether the pods run the images of the configuration, each by a known digest, and whether those were scanned. */
import { z } from 'zod';
import { componentsOf, progressOf } from '../components.ts';
import { attempt, lastLines } from '../exec.ts';
import { fullName } from '../images.ts';
import { count, judge, type Check, type Context, type Finding } from './check.ts';

/** Trivy fetches its database first. */
const SCAN_SECONDS = 600;

const workload = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    template: z.object({
      spec: z.object({ containers: z.array(z.object({ name: z.string(), image: z.string() })) }),
    }),
  }),
});

export const images: Check = {
  title: 'Images are those of the configuration, and scanned',
  run: async (context, line) => {
    const { rendered } = context;
    const wanted = rendered.objects.flatMap((object) => {
      const parsed = workload.safeParse(object);
      return parsed.success ? [parsed.data] : [];
    });
    const all = [
      ...new Set(wanted.flatMap(({ spec }) => spec.template.spec.containers.map(({ image }) => image))),
    ].sort();
    line.note(`scanning ${count(all.length, 'image')}`);
    const scanned = await scan(all, context);
    return judge(
      `${count(all.length, 'image')}; ${scanned.words}`,
      wanted.flatMap((each) => runningFindings(context, each)),
      scanned.doubtful,
    );
  },
};

function runningFindings(
  { rendered, snapshot, kubectl, flags }: Context,
  { kind, metadata, spec }: z.output<typeof workload>,
): Finding[] {
  const component = componentsOf(rendered.objects).find(
    (each) => each.kind === kind && each.name === metadata.name && each.namespace === metadata.namespace,
  );
  if (component === undefined) return [];
  return progressOf(component, snapshot).pods.flatMap((pod) =>
    spec.template.spec.containers.flatMap(({ name, image }): Finding[] => {
      const runs = pod.spec.containers.find((each) => each.name === name)?.image;
      const thing = `Pod ${pod.metadata.name}`;
      if (runs === undefined || fullName(runs) !== fullName(image)) {
        return [
          {
            thing,
            fact: `runs ${runs ?? 'no image'} as ${name}; the configuration has ${image}`,
            fix: `\`npm run up -- ${flags}\` rolls out what the configuration has.`,
          },
        ];
      }
      const id = pod.status.containerStatuses.find((each) => each.name === name)?.imageID ?? '';
      return /sha256:[0-9a-f]{64}/.test(id)
        ? []
        : [
            {
              thing,
              fact: `does not tell the digest of ${image}`,
              fix: `\`${kubectl.command(`-n ${metadata.namespace} describe pod ${pod.metadata.name}`)}\` shows whether it was pulled.`,
            },
          ];
    }),
  );
}

/** What Trivy says of them, where there is Trivy; that a vulnerability is known makes no cluster wrong. */
async function scan(
  all: readonly string[],
  { kubectl }: Context,
): Promise<{ readonly words: string; readonly doubtful: Finding[] }> {
  const version = await attempt('trivy', ['--version']);
  if (version.notFound) {
    return {
      words: 'not scanned',
      doubtful: [
        {
          thing: 'Images',
          fact: `that context ${kubectl.context} runs were not scanned: Trivy is not installed here`,
          fix: 'Install Trivy and run this again, or look at the report of CI.',
        },
      ],
    };
  }
  const doubtful: Finding[] = [];
  for (const image of all) {
    const result = await attempt('trivy', [...TRIVY, image], { timeoutSeconds: SCAN_SECONDS });
    if (result.ok) continue;
    const found = result.stdout.split('\n').filter((text) => /CVE-|GHSA-/.test(text)).length;
    doubtful.push({
      thing: `Image ${image}`,
      fact:
        found > 0
          ? `has critical vulnerabilities that a newer version mends: ${found}`
          : `can't be scanned: ${lastLines(result.stderr, 1)}`,
      fix: `\`trivy image ${image}\` lists all; take a newer tag, or build it anew.`,
    });
  }
  return { words: 'scanned by Trivy', doubtful };
}

const TRIVY = [
  ...['image', '--quiet', '--scanners', 'vuln', '--severity', 'CRITICAL'],
  ...['--ignore-unfixed', '--exit-code', '1'],
];
