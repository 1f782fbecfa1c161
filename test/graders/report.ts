/** The grades as text. */
import { checksOf, passes, type Finding, type Grade, type Severity, type Waiver } from './grade.ts';

const SEVERITIES: readonly Severity[] = ['critical', 'warning', 'failed'];

/** A tool's totals, what remains by check, and what is waived and why. */
export function reportOf(grade: Grade): string {
  const { tool, before, after, waived, needless, problems } = grade;
  return [
    `${tool}: ${passes(grade) ? 'nothing remains' : 'not passed'}`,
    `  before waivers: ${total(tool, before)}`,
    `  after waivers:  ${total(tool, after)}`,
    ...checksOf(after).flatMap((check) => remaining(check, after)),
    ...(waived.length === 0 ? [] : [`  waived: ${checksOf(waived).length} different checks`]),
    ...checksOf(waived).flatMap((check) => waivedLines(check, waived)),
    ...needless.map(({ check, object }) => `  needless: ${object} waives ${check}, which it passes`),
    ...problems.map((problem) => `  ${problem}`),
  ].join('\n');
}

/** Such as `27 critical, 5 warning`: one for each check that an object fails, however many containers it is about. */
function total(tool: Grade['tool'], findings: readonly Finding[]): string {
  const possible = SEVERITIES.filter((severity) => (severity === 'failed') === (tool === 'checkov'));
  const counts = possible.map(
    (severity) => `${findings.filter((finding) => finding.severity === severity).length} ${severity}`,
  );
  return counts.join(', ');
}

function remaining(check: string, findings: readonly Finding[]): string[] {
  const those = findings.filter((finding) => finding.check === check);
  return [
    `  ${those[0]?.severity ?? ''} ${check} (${those.length})`,
    ...those.map(({ object, says }) => `    ${object}: ${says.join('; ')}`).sort(),
  ];
}

function waivedLines(check: string, waivers: readonly Waiver[]): string[] {
  const those = waivers.filter((waiver) => waiver.check === check);
  const reasons = [...new Set(those.map(({ reason }) => reason))].sort();
  return [
    `    ${check} (${those.length})`,
    ...reasons.flatMap((reason) => [
      `      ${reason || 'no reason'}`,
      ...those
        .filter((waiver) => waiver.reason === reason)
        .map(({ object }) => `        ${object}`)
        .sort(),
    ]),
  ];
}
