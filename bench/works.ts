/** All works, in the order of the table. */
import type { Work } from './work.ts';
import { growth } from './works/growth.ts';
import { synthesisOfAll, synthesisOfOne, synthesisWithBuild } from './works/synthesis.ts';
import { upAgain } from './works/up.ts';
import { allTests, unitTests } from './works/tests.ts';

export const works = (): readonly Work[] => [
  synthesisOfAll(),
  synthesisOfOne(),
  synthesisWithBuild(),
  growth(),
  unitTests(),
  allTests(),
  upAgain(),
];
