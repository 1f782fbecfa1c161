/** `npm run up` and the other commands; `npx tsx cli/main.ts` does the same without the bundle, for debugging. */
import { runProgram } from './bundle.mjs';

await runProgram('cli/main.ts');
