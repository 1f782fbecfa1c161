/**
 * Checks of kube-score and checkov that an object is excused from, with the reason, as annotations on the object.
 * `npm run grade` counts them; test/waivers.test.ts and the suites of test/e2e/prod prove what the reasons say.
 */

const PULL_POLICY =
  'a tag names one content for ever, so that pulling always would only make each start wait for the registry';
const DIGEST =
  'the tag is the hash of the sources, or a version; the digest of an image is known only after its push, and one that was loaded by hand has none';
const USER =
  "the uid that the image's files and the data on the volume belong to; another one could read neither";

const NO_PODS = 'a command of this project starts its pods, which the policy has to be there before';

/** Annotations for a workload of this project. */
export const WAIVERS: Readonly<Record<string, string>> = {
  'kube-score/ignore': 'container-image-pull-policy,container-security-context-user-group-id',
  'waiver.zakpos.io/container-image-pull-policy': PULL_POLICY,
  'waiver.zakpos.io/container-security-context-user-group-id': USER,
  'checkov.io/skip1': `CKV_K8S_15=${PULL_POLICY}`,
  'checkov.io/skip2': `CKV_K8S_43=${DIGEST}`,
  'checkov.io/skip3': `CKV_K8S_40=${USER}`,
};

/** Annotations for the network policy of pods that only a command starts. */
export const POLICY_WAIVERS: Readonly<Record<string, string>> = {
  'kube-score/ignore': 'networkpolicy-targets-pod',
  'waiver.zakpos.io/networkpolicy-targets-pod': NO_PODS,
};
