/** What the policies say of an environment: what breaks them, and what is excused, with the reason. */
import { POLICIES } from './all.ts';
import type { Finding } from './policy.ts';
import { READABLE, UnreadableError, type Manifest, type Rendered } from './rendered.ts';

/** A finding, and the rule that it breaks. */
export interface Violation extends Finding {
  /** `<policy>.<rule>`. */
  readonly rule: string;
  readonly fix: string;
}

/** A violation that an annotation of its object excuses. */
export interface Waived extends Violation {
  readonly reason: string;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly waived: readonly Waived[];
}

/** An annotation `waiver.zakpos.io/<policy>.<rule>: <reason>`; the graders' waivers have no dot. */
const WAIVER = /^waiver\.zakpos\.io\/(?<rule>[a-z-]+\.[a-z-]+)$/;

/** Judges an environment by every rule. */
export function judge(rendered: Rendered): Verdict {
  const all = violationsOf(rendered);
  const waived = all.flatMap((violation) => {
    const reason = waiversOf(violation.object).get(violation.rule)?.trim() ?? '';
    return reason === '' ? [] : [{ ...violation, reason }];
  });
  const open = all.filter(
    ({ rule, object }) => !waived.some((each) => each.rule === rule && each.object.path === object.path),
  );
  return { violations: [...open, ...brokenWaivers(rendered, all)], waived };
}

function violationsOf(rendered: Rendered): Violation[] {
  try {
    return POLICIES.flatMap(({ name, rules }) =>
      Object.entries(rules).flatMap(([rule, { fix, findings }]) =>
        Array.from(findings(rendered), (finding) => ({ ...finding, rule: `${name}.${rule}`, fix })),
      ),
    );
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return [{ object: error.object, fact: error.fact, ...READABLE }];
  }
}

/** An excuse without a reason, and one that nothing needs. */
function brokenWaivers({ objects }: Rendered, all: readonly Violation[]): Violation[] {
  return objects.flatMap((object) =>
    [...waiversOf(object)].flatMap(([rule, reason]) => {
      const isNeeded = all.some((each) => each.rule === rule && each.object.path === object.path);
      const fact =
        reason.trim() === ''
          ? `waives ${rule} without a reason`
          : isNeeded
            ? undefined
            : `waives ${rule}, which it doesn't break`;
      if (fact === undefined) return [];
      return [
        { object, fact, rule: 'policies.waivers', fix: 'give the reason, or take the annotation away' },
      ];
    }),
  );
}

function waiversOf({ annotations }: Manifest): Map<string, string> {
  return new Map(
    Object.entries(annotations).flatMap(([key, reason]) => {
      const rule = WAIVER.exec(key)?.groups?.rule;
      return rule === undefined ? [] : [[rule, reason] satisfies [string, string]];
    }),
  );
}
