/** `npm run docs`: writes the parts of the documentation that are made from the code. */
import { writeFileSync } from 'node:fs';
import { generatedFiles } from './generated.ts';

for (const { path, text } of generatedFiles()) {
  writeFileSync(path, text);
  console.log(path);
}
