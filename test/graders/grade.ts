/** What counts: findings of a tool with the waivers stripped and with them, and what the waivers are good for. */

export type Tool = 'kube-score' | 'checkov';
export type Severity = 'critical' | 'warning' | 'failed';

/** A check that an object does not pass. */
export interface Finding {
  /** Id of the check, such as `container-image-pull-policy` or `CKV_K8S_43`. */
  readonly check: string;
  /** The object, such as `Deployment zakpos/zakpos-api`. */
  readonly object: string;
  readonly severity: Severity;
  /** What the check wants, in the tool's words. */
  readonly says: readonly string[];
}

/** A check that an object says it need not pass. */
export interface Waiver {
  readonly tool: Tool;
  readonly check: string;
  readonly object: string;
  /** Why; empty where the object does not say. */
  readonly reason: string;
}

/** What a tool said of the objects. */
export interface Scan {
  readonly findings: readonly Finding[];
  /** The objects that it looked at. */
  readonly seen: readonly string[];
}

export interface Scans {
  /** Of the objects without their waivers. */
  readonly before: Scan;
  /** Of the objects as they are. */
  readonly after: Scan;
}

export interface Grade {
  readonly tool: Tool;
  readonly before: readonly Finding[];
  readonly after: readonly Finding[];
  /** Waivers that a finding stands behind. */
  readonly waived: readonly Waiver[];
  /** Waivers without one: the check would pass. */
  readonly needless: readonly Waiver[];
  /** Why the waivers can't be relied on, whatever the findings are. */
  readonly problems: readonly string[];
}

/** Different checks of one tool that may be waived; more of them is a habit, no exception. */
export const MOST_WAIVED_CHECKS = 5;

export const passes = ({ after, problems }: Grade): boolean => after.length === 0 && problems.length === 0;

/** Grades what a tool said; `workloads` are the objects with pods, which no tool may have left out. */
export function gradeOf(
  tool: Tool,
  { before, after }: Scans,
  allWaivers: readonly Waiver[],
  workloads: readonly string[],
): Grade {
  const waivers = allWaivers.filter((waiver) => waiver.tool === tool);
  const gone = before.findings.filter((finding) => !after.findings.some((left) => isSame(left, finding)));
  const waived = waivers.filter((waiver) => gone.some((finding) => isSame(finding, waiver)));
  return {
    tool,
    before: before.findings,
    after: after.findings,
    waived,
    needless: waivers.filter((waiver) => !before.findings.some((finding) => isSame(finding, waiver))),
    problems: [
      ...workloads.flatMap((object) =>
        after.seen.includes(object)
          ? []
          : [`${object} was not looked at: ${tool} leaves out what it can't read.`],
      ),
      ...gone
        .filter((finding) => !waivers.some((waiver) => isSame(waiver, finding)))
        .map(({ check, object }) => `${object}: ${check} is waived, but not by an annotation of its own.`),
      ...waived
        .filter(({ reason }) => reason === '')
        .map(({ check, object }) => `${object}: ${check} is waived without a reason.`),
      ...tooMany(tool, checksOf(waived)),
    ],
  };
}

const isSame = (left: Pick<Finding, 'check' | 'object'>, right: Pick<Finding, 'check' | 'object'>): boolean =>
  left.check === right.check && left.object === right.object;

function tooMany(tool: Tool, checks: readonly string[]): string[] {
  return checks.length > MOST_WAIVED_CHECKS
    ? [`${checks.length} different checks of ${tool} are waived, and ${MOST_WAIVED_CHECKS} may be.`]
    : [];
}

/** The different checks among findings or waivers, sorted. */
export const checksOf = (items: readonly Pick<Finding, 'check'>[]): string[] =>
  [...new Set(items.map(({ check }) => check))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
