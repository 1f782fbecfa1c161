import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { generatedFiles } from '../../docs/generated.ts';

describe('documentation that is made from the code', () => {
  for (const { path, text } of generatedFiles()) {
    test(`${relative(process.cwd(), path)} is what npm run docs writes`, () => {
      expect(readFileSync(path, 'utf8')).toBe(text);
    });
  }
});
