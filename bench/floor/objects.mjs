import { runProgram } from '../../bundle.mjs';

await runProgram('bench/floor/objects.ts');
