/** How one object differs, as text. */
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { stringify } from 'yaml';
import type { LiveObject } from '../apply.ts';
import type { Change } from './changes.ts';

/** A patch of its YAML, as everybody's tools show it. */
export function patchOf({ kind, name, before, after }: Change): string {
  const title = `${kind}/${name}`;
  return createTwoFilesPatch(title, title, yamlOf(before), yamlOf(after), 'before', 'after', {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  }).trimEnd();
}

/** In the order of the alphabet, since the API server has one of its own. */
const yamlOf = (object: LiveObject | undefined): string =>
  object === undefined ? '' : stringify(object, { sortMapEntries: true, lineWidth: 0 });
