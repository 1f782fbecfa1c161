import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';

import { forbidden, unauthorized } from '../common/problem.js';
import { AccessTokens } from './access-tokens.js';
import type { Principal } from './principal.js';
import { RateLimits } from './rate-limits.js';
import { SecurityEvents } from './security-events.js';

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | undefined;
  }
}

type Access = 'anyone' | 'user' | 'admin';
const ACCESS = Symbol('Access');

/** Routes are for logged in users unless they say otherwise. */
export const Public = () => SetMetadata(ACCESS, 'anyone' satisfies Access);
export const AdminOnly = () => SetMetadata(ACCESS, 'admin' satisfies Access);

export const CurrentUser = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<FastifyRequest>();
  if (principal === undefined) throw unauthorized('Log in first.');
  return principal;
});

/** The one gate of every route: who is it, how often, and may they. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly tokens: AccessTokens,
    private readonly limits: RateLimits,
    private readonly security: SecurityEvents,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const token = bearerToken(request.headers.authorization);
    request.principal = token === undefined ? undefined : await this.tokens.verify(token);
    await this.limits.spendRequest(request.ip, request.principal?.id);

    const access =
      this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [
        context.getHandler(),
        context.getClass(),
      ]) ?? 'user';
    if (access === 'anyone') return true;
    const path = request.url.split('?')[0];
    if (request.principal === undefined) {
      if (token === undefined) throw unauthorized('Log in first.');
      if (!(await this.tokens.hasExpired(token)))
        this.security.record('token_refused', { client: request.ip, path }, 'access token refused');
      throw unauthorized('The access token is not valid any more.');
    }
    if (access === 'admin' && request.principal.role !== 'admin') {
      this.security.record('forbidden', { userId: request.principal.id, path }, 'admin role needed');
      throw forbidden('This needs the admin role.');
    }
    return true;
  }
}

function bearerToken(header: string | undefined): string | undefined {
  return header?.startsWith('Bearer ') === true ? header.slice('Bearer '.length) : undefined;
}
