import type { Migration } from 'kysely';

import { statementsOf } from '../../src/database/plan.js';

/** The statements of a migration, each as words. */
export async function plainStatementsOf(migration: Migration): Promise<string[]> {
  const sent = await statementsOf(migration);
  return sent.flatMap(({ sql }) => plain(sql).split(';')).flatMap((sql) => sql.trim() || []);
}

/** Which of the statements change rows of a table that was there before. */
export function rewritingStatements(statements: readonly string[]): string[] {
  const created = createdBy(statements);
  return statements.filter((statement) => {
    const table = /^(?:update|delete from|merge into|truncate(?: table)?) (?:only )?([\w.]+)/.exec(
      statement,
    )?.[1];
    return (
      (table !== undefined && !created.has(table)) || /^(with|insert) .*\b(update|delete)\b/.test(statement)
    );
  });
}

/** What a statement is to code that knows only the schema before it. */
type Kind = 'addition' | 'contraction' | 'break';

/** Which of the statements the version before can't work with; a contraction is for `contracts` to allow. */
export function refusedStatements(statements: readonly string[], mayContract: boolean): string[] {
  return statements.flatMap((statement, index) => {
    const kind = kindOf(statement, createdBy(statements.slice(0, index)));
    if (kind === 'addition' || (kind === 'contraction' && mayContract)) return [];
    return [`${kind}: ${statement}`];
  });
}

function createdBy(statements: readonly string[]): Set<string> {
  return new Set(
    statements.flatMap((statement) => /^create table (?!if )([\w.]+)/.exec(statement)?.[1] ?? []),
  );
}

/**
 * A statement as words: in lower case, with its strings and what is in parentheses left out, names without quotes
 * and without the schema.
 */
function plain(sql: string): string {
  const ignored = /'(?:[^']|'')*'|\$([a-z_]*)\$[^]*?\$\1\$|--[^\n]*|\/\*[^]*?\*\/|"((?:[^"]|"")*)"/gi;
  const text = sql
    .replace(ignored, (whole: string, _tag: unknown, name?: string) => {
      if (name !== undefined) return name.replace(/\W/g, '_');
      return /^['$]/.test(whole) ? "''" : ' ';
    })
    .toLowerCase()
    .replace(/\bpublic\s*\.\s*/g, '');
  return withoutParentheses(text)
    .replace(/\s+/g, ' ')
    .replace(/ ?([,;]) ?/g, '$1');
}

function withoutParentheses(text: string): string {
  const outer = text.replace(/\([^()]*\)/g, ' ');
  return outer === text ? text : withoutParentheses(outer);
}

/** Only what is known to be harmless is an addition: what isn't listed here is for a developer to think through. */
function kindOf(statement: string, created: ReadonlySet<string>): Kind {
  const alter = /^alter table (?:if exists )?(?:only )?([\w.]+) (.*)$/.exec(statement);
  if (alter !== null) {
    const [, table = '', actions = ''] = alter;
    if (created.has(table)) return 'addition';
    return worst(actions.split(',').map((action) => kindOfAction(action)));
  }
  const unique = /^create unique index .*?\bon (?:only )?([\w.]+)/.exec(statement);
  if (unique !== null) return created.has(unique[1] ?? '') ? 'addition' : 'contraction';
  if (/^create (table|index|sequence|type|view|function) /.test(statement)) return 'addition';
  if (/^(grant|comment on|insert into|update|select) /.test(statement)) return 'addition';
  return /^(drop|revoke) /.test(statement) ? 'contraction' : 'break';
}

/** One of the comma separated parts of "alter table", for a table that was there before. */
function kindOfAction(action: string): Kind {
  if (/^validate constraint /.test(action)) return 'addition';
  if (/^add (constraint|check|unique|primary key|foreign key|exclude)\b/.test(action)) {
    return action.endsWith(' not valid') ? 'addition' : 'contraction';
  }
  if (action.startsWith('add ')) {
    const hasDefault = /\b(default|generated|(small|big)?serial)\b/.test(action);
    // The version before leaves the column out: it gets null, which is never a duplicate, or the same default again.
    if (/\bprimary key\b/.test(action) || (/\bunique\b/.test(action) && hasDefault)) return 'break';
    return /\bnot null\b/.test(action) && !hasDefault ? 'break' : 'addition';
  }
  return /^drop |^alter (column )?\w+ (set not null|drop )/.test(action) ? 'contraction' : 'break';
}

function worst(kinds: readonly Kind[]): Kind {
  if (kinds.includes('break')) return 'break';
  return kinds.includes('contraction') ? 'contraction' : 'addition';
}
