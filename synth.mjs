/** `npm run synth`; `npx tsx main.ts` does the same without the bundle, for debugging. */
import { runProgram } from './bundle.mjs';

await runProgram('main.ts');
