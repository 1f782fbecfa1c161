/** An API that knows nothing of this project: its own port, user, health path and way of being configured. */
import { createServer } from 'node:http';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });

const answers = {
  '/healthz': async () => {
    await pool.query('select 1');
    return { ok: true };
  },
  '/api/v1/who': async () => {
    const { rows } = await pool.query('select current_user as role, current_database() as database');
    return { ...rows[0], uid: process.getuid(), app: 'own' };
  },
};

createServer(async (request, response) => {
  const answer = answers[new URL(request.url, 'http://localhost').pathname];
  const send = (status, body) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (answer === undefined) return send(404, {});
  try {
    send(200, await answer());
  } catch (error) {
    send(503, { error: error.message });
  }
}).listen(8080);
