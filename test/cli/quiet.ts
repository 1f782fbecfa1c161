/** To be imported before anything that shows steps: they go nowhere else, since listr2 takes hold of the output at once. */
export const shown: string[] = [];
process.stdout.write = (text: string | Uint8Array) => shown.push(String(text)) > 0;
