/** Next calls this once before it serves. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const { loadPublicConfigOrExit } = await import('./config/current');
  loadPublicConfigOrExit();
}
