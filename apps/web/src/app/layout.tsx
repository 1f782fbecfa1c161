import '../styles/base.css';
import '../styles/till.css';

import type { Metadata, Viewport } from 'next';
import type { ReactNode } from 'react';

import { currentPublicConfig } from '../config/current';

/** Each page carries a nonce and the configuration of the moment, so none is made in advance. */
export const dynamic = 'force-dynamic';

export function generateMetadata(): Metadata {
  return { title: `${currentPublicConfig().shopName} till`, robots: { index: false, follow: false } };
}

export const viewport: Viewport = {
  colorScheme: 'light dark',
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#f4f3ef' },
    { media: '(prefers-color-scheme: dark)', color: '#14161a' },
  ],
};

export default function Layout({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
