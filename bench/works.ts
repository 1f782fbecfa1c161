/** All works, in the order of the table. */
import type { Work } from './work.ts';
import { cost } from './works/cost.ts';
import { growth } from './works/growth.ts';
import { synthesisOfAll, synthesisOfOne, synthesisWithBuild } from './works/synthesis.ts';
import { changes } from './works/changes.ts';
import { images } from './works/images.ts';
import { memory } from './works/memory.ts';
import { overhead } from './works/overhead.ts';
import { sales, twoPods } from './works/sales.ts';
import { start } from './works/start.ts';
import { stores } from './works/stores.ts';
import { upAgain } from './works/up.ts';
import { allTests, unitTests } from './works/tests.ts';

export const works = (): readonly Work[] => [
  synthesisOfAll(),
  synthesisOfOne(),
  synthesisWithBuild(),
  growth(),
  unitTests(),
  allTests(),
  ...images(),
  upAgain(),
  start(),
  ...stores(),
  ...memory(),
  sales(),
  twoPods(),
  cost(),
  overhead(),
  ...changes(),
];
