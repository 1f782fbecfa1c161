import { type NextRequest, NextResponse } from 'next/server';

import { contentSecurityPolicy } from './config/content-security-policy';
import { currentPublicConfig } from './config/current';

export function proxy(request: NextRequest): NextResponse {
  const nonce = Buffer.from(crypto.randomUUID()).toString('base64');
  const dev = process.env.NODE_ENV === 'development';
  const policy = contentSecurityPolicy(currentPublicConfig(), request.nextUrl.origin, nonce, dev);

  // Next takes the nonce for its own scripts from the request's header.
  const headers = new Headers(request.headers);
  headers.set('Content-Security-Policy', policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('Content-Security-Policy', policy);
  return response;
}

export const config = { matcher: '/((?!_next/static|icon.svg).*)' };
