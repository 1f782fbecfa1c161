'use client';

import type { ReactNode } from 'react';

export default function ErrorPage({ error }: { readonly error: Error }): ReactNode {
  return (
    <main className="opening" role="alert">
      <h1>The till has stopped</h1>
      <p>{error.message}</p>
      <p>Your cart is kept in this tab.</p>
      <button
        type="button"
        className="primary"
        onClick={() => {
          window.location.reload();
        }}
      >
        Reload
      </button>
    </main>
  );
}
