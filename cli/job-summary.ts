/** What came of a command, on the page of the workflow's run: GitHub shows the file that GITHUB_STEP_SUMMARY names. */
import { appendFileSync } from 'node:fs';

export interface JobSummary {
  readonly title: string;
  /** What is to be known, by its name; a text of several lines is shown as it is. */
  readonly facts: Readonly<Record<string, string>>;
}

/** Writes it where a workflow runs, and nowhere else. */
export function writeJobSummary({ title, facts }: JobSummary): void {
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (file === undefined || file === '') return;
  const lines = Object.entries(facts).map(([name, text]) =>
    text.includes('\n') ? `- ${name}:\n\n${indented(text)}\n` : `- ${name}: ${text}`,
  );
  appendFileSync(file, `### ${title}\n\n${lines.join('\n')}\n`);
}

const indented = (text: string): string =>
  text
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n');
