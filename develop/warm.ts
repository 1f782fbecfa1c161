/** A dev server makes a page when somebody asks for it first: this program asks, so that no person waits. */
import { log, reasonOf } from './log.ts';

const PATIENCE_MS = 240_000;

/** Asks for a page and its scripts. What they answer is for whoever looks at them. */
export async function warm(page: string): Promise<void> {
  try {
    const html = await textOf(page);
    const scripts = [...html.matchAll(/<script[^>]* src="([^"]+)"/g)].flatMap(([, src]) => src ?? []);
    for (const src of scripts) await textOf(new URL(src.replaceAll('&amp;', '&'), page).href);
  } catch (error) {
    log('warn', `${page} was not made in advance: ${reasonOf(error)}`);
  }
}

async function textOf(url: string): Promise<string> {
  const answer = await fetch(url, {
    headers: { accept: 'text/html,*/*' },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return answer.text();
}
