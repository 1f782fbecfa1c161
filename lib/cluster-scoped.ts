import { ApiObject, JsonPatch } from 'cdk8s';
import type { IConstruct } from 'constructs';

/** Takes away the namespace that a chart puts on everything, from an object whose kind has none. */
export function clusterScoped<T extends IConstruct>(object: T): T {
  ApiObject.of(object).addJsonPatch(JsonPatch.remove('/metadata/namespace'));
  return object;
}
