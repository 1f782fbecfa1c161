/** All checks, in the order in which they are read: what runs, what it may do, what is kept, who is told. */
import { alerts } from './alerts.ts';
import { answers } from './answers.ts';
import { backups } from './backups.ts';
import { certificates } from './certificates.ts';
import type { Check } from './check.ts';
import { configuration } from './configuration.ts';
import { connections } from './connections.ts';
import { data } from './data.ts';
import { images } from './images.ts';
import { nodes } from './nodes.ts';
import { podSecurity } from './pod-security.ts';
import { policies } from './policies.ts';
import { secrets } from './secrets.ts';
import { services } from './services.ts';

export const CHECKS: readonly Check[] = [
  nodes,
  services,
  answers,
  connections,
  policies,
  podSecurity,
  secrets,
  certificates,
  data,
  backups,
  alerts,
  images,
  configuration,
];
