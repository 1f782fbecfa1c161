import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';

/** Label that tells the pods of one workload from all others; the selector of everything that means them. */
export const NAME_LABEL = 'app.kubernetes.io/name';

/** Labels by which Services, policies and controllers select the pods of the workload `name`. */
export const selectorLabels = (name: string): Record<string, string> => ({ [NAME_LABEL]: name });

/** All labels of the objects and pods of the workload `name`: its selector and what its chart puts on everything. */
export function workloadLabels(scope: Construct, name: string): Record<string, string> {
  return { ...Chart.of(scope).labels, ...selectorLabels(name) };
}
