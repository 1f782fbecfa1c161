import { allPages } from '../../docs/pages.ts';
import { textsOf } from '../../docs/messages.ts';

const page = allPages().find(({ path }) => path === 'docs/troubleshooting.md');
const entries = (page?.headings ?? []).filter(({ depth }) => depth === 3).map(({ text }) => text);

describe('an entry of the troubleshooting page', () => {
  const texts = new Set([...textsOf(['cli', 'environments'])].flatMap((text) => text.split('\n')));

  test('is what a command can say', () => {
    expect(entries.filter((entry) => !texts.has(entry))).toEqual([]);
  });

  test('is there for most of what is likely', () => {
    expect(new Set(entries).size).toBe(entries.length);
    expect(entries.length).toBeGreaterThanOrEqual(35);
  });

  test('that no command says would be found', () => {
    expect(texts.has('The kind cluster "…" is not there.')).toBe(false);
  });
});
