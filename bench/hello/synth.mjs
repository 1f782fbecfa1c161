import { runProgram } from '../../bundle.mjs';

await runProgram('bench/hello/main.ts');
