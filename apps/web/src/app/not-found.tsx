import type { ReactNode } from 'react';

export default function NotFound(): ReactNode {
  return (
    <main className="opening">
      <h1>There is no such page</h1>
      <p>
        <a href="/">Open the till</a>
      </p>
    </main>
  );
}
