/**
 * Annotations of what holds something that can't be made again: neither Argo CD nor Flux deletes it because it is gone
 * from git, nor Argo CD together with its Application. `npm run up` spares the same kinds.
 */
export const KEPT: Readonly<Record<string, string>> = {
  'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
  'kustomize.toolkit.fluxcd.io/prune': 'disabled',
};
