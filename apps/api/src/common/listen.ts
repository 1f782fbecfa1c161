import type { Server } from 'node:http';

/** The port that a server really has: the configured one may be 0. */
export function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The server is not listening');
  return address.port;
}
