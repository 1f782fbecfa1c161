/** What kubectl runs to log in: the token by which GitHub vouches for this run, valid for some minutes. */
import { z } from 'zod';

const [, , audience] = process.argv;
const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = process.env;
if (audience === undefined || url === undefined || bearer === undefined) {
  console.error('There is no identity to log in with: the job needs the permission `id-token: write`.');
  process.exit(1);
}
const asked = new URL(url);
asked.searchParams.set('audience', audience);
const answer = await fetch(asked, { headers: { authorization: `Bearer ${bearer}` } });
if (!answer.ok) {
  console.error(`GitHub gives no token for ${audience}: it answers ${answer.status}.`);
  process.exit(1);
}
const { value } = z.object({ value: z.string() }).parse(await answer.json());
const claims = z
  .object({ exp: z.number() })
  .parse(JSON.parse(Buffer.from(value.split('.')[1] ?? '', 'base64url').toString()));
console.log(
  JSON.stringify({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: value, expirationTimestamp: new Date(claims.exp * 1000).toISOString() },
  }),
);
