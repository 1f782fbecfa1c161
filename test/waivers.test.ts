/** What waivers of the graders say, as far as it shows in what is rendered; e2e prod/1 proves the others on a cluster. */
import { networkPolicies, objectsOf, render, renderRestore, renderTask, selected } from './manifests.ts';

const WAIVER = 'waiver.zakpos.io/networkpolicy-targets-pod';
const prod = render('prod', { backups: { s3: { bucket: 'till' } } });
const byCommand = [
  renderTask(prod.config, ['migrate']),
  renderRestore(prod.config, { id: '20261121t103000z' }),
];

test('a policy without pods is for those that a command starts, and no other policy is excused', () => {
  const waived = objectsOf(prod, 'NetworkPolicy').filter(({ annotations }) => WAIVER in annotations);
  expect(waived.map(({ name }) => name).sort()).toEqual(['zakpos-restore', 'zakpos-task']);
  const empty = networkPolicies(prod).filter(
    ({ namespace, spec }) => selected(prod, namespace, spec.podSelector.matchLabels).length === 0,
  );
  expect(empty.map(({ name }) => name).sort()).toEqual(['zakpos-restore', 'zakpos-task']);
  for (const { name, namespace, spec } of empty) {
    const pods = byCommand.flatMap((each) => selected(each, namespace, spec.podSelector.matchLabels));
    // A Job's name ends in a checksum.
    expect(new Set(pods.map((pod) => pod.name.replace(/-\w{8}$/, '')))).toEqual(new Set([name]));
  }
});
