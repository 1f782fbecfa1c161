/** Images that are the same tomorrow. */
import { everyContainer, type Policy } from './policy.ts';

export const images: Policy = {
  name: 'images',
  rules: {
    tag: {
      fix: 'name a tag other than latest',
      findings: everyContainer(function* ({ image }) {
        const tag = /:([\w][\w.-]*)(@sha256:[0-9a-f]{64})?$/.exec(image)?.[1];
        if (tag === undefined || tag === 'latest') yield `runs ${image}`;
      }),
    },
    'pull-policy': {
      fix: "set the configuration's imagePullPolicy; what Kubernetes takes without one depends on the tag",
      findings: everyContainer(function* ({ imagePullPolicy }, _, { config }) {
        if (imagePullPolicy !== config.imagePullPolicy)
          yield `is pulled ${String(imagePullPolicy)} instead of ${config.imagePullPolicy}`;
      }),
    },
  },
};
