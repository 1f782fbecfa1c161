/** Every policy; a file that isn't in this list judges nothing. */
import { gitops } from './gitops.ts';
import { images } from './images.ts';
import { labels } from './labels.ts';
import { names } from './names.ts';
import { networkPolicy } from './network-policies.ts';
import { podSecurity } from './pod-security.ts';
import type { Policy } from './policy.ts';
import { probes } from './probes.ts';
import { references } from './references.ts';
import { resources } from './resources.ts';
import { rolling } from './rolling.ts';
import { secretsPolicy } from './secrets.ts';
import { volumes } from './volumes.ts';

export const POLICIES: readonly Policy[] = [
  names,
  labels,
  podSecurity,
  images,
  resources,
  probes,
  volumes,
  references,
  secretsPolicy,
  networkPolicy,
  rolling,
  gitops,
];
