/** Relabelling as Prometheus does it, as far as this project's configuration goes; everything else isn't parsed. */
import { z } from 'zod';

export const relabelRule = z.strictObject({
  source_labels: z.array(z.string()).default([]),
  regex: z.string().default('(.*)'),
  target_label: z.string().optional(),
  replacement: z.string().default('$1'),
  action: z.enum(['replace', 'keep', 'drop']).default('replace'),
});
type Labels = Readonly<Record<string, string>>;

/** The labels after all rules, or nothing where one of them drops the target or the series. */
export function relabel(labels: Labels, rules: readonly z.output<typeof relabelRule>[]): Labels | undefined {
  let now = { ...labels };
  for (const { source_labels: sources, regex, target_label: target, replacement, action } of rules) {
    const value = sources.map((name) => now[name] ?? '').join(';');
    const match = new RegExp(`^(?:${regex})$`).exec(value);
    if (action === 'replace') {
      if (match === null || target === undefined) continue;
      now = { ...now, [target]: replacement.replaceAll(/\$(\d)/g, (_, i: string) => match[Number(i)] ?? '') };
    } else if ((match !== null) !== (action === 'keep')) return undefined;
  }
  return Object.fromEntries(Object.entries(now).filter(([name]) => !name.startsWith('__')));
}
