import { existsSync } from 'node:fs';
import tseslint from 'typescript-eslint';

/** A package of its own, whose types are known once it is installed. */
const GRAFANA = 'dashboards/grafana';
const installed = existsSync(`${import.meta.dirname}/${GRAFANA}/node_modules`);

export default tseslint.config(
  {
    ignores: ['apps/**', 'dist/**', 'coverage/**', 'imports/*.*.ts', ...(installed ? [] : [`${GRAFANA}/**`])],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js', '*.mjs', 'policies/*.cjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // A sentence is readable with a number in it.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // cdk8s constructs act by being made.
      'no-new': 'off',
      '@typescript-eslint/no-unused-expressions': 'error',
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
    },
  },
  { files: ['**/*.js', '**/*.mjs', '**/*.cjs'], ...tseslint.configs.disableTypeChecked },
  // cdk8s loads its plugins as CommonJS.
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
);
