import { createSecretKey, type KeyObject } from 'node:crypto';

import { Inject, Injectable } from '@nestjs/common';
import { errors, jwtVerify, SignJWT } from 'jose';

import { CONFIG } from '../common/tokens.js';
import type { ServerConfig } from '../config/schema.js';
import type { Role } from '../database/tables.js';
import { Principal } from './principal.js';

const ISSUER = 'zakpos-api';

@Injectable()
export class AccessTokens {
  private readonly keys = new Map<string, KeyObject>();

  constructor(@Inject(CONFIG) private readonly config: ServerConfig) {}

  issue(user: { readonly id: string; readonly role: Role }): Promise<string> {
    const [secret] = this.config.auth.jwtSecrets.read();
    if (secret === undefined) throw new Error('JWT_SECRET is empty: no token can be signed');
    return new SignJWT({ role: user.role })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setSubject(user.id)
      .setIssuedAt()
      .setExpirationTime(`${this.config.auth.accessTtlSeconds}s`)
      .sign(this.keyOf(secret));
  }

  /** The token's user, or nothing when the token is missing, forged or expired. */
  async verify(token: string): Promise<Principal | undefined> {
    for (const key of this.acceptedKeys()) {
      try {
        const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'], issuer: ISSUER });
        const { sub, role, exp } = payload;
        if (sub === undefined || exp === undefined || (role !== 'admin' && role !== 'cashier'))
          return undefined;
        return new Principal(sub, role, new Date(exp * 1000));
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) return undefined;
      }
    }
    return undefined;
  }

  /** Whether a token that isn't valid was so until its time was up, as each till's is every quarter of an hour. */
  async hasExpired(token: string): Promise<boolean> {
    for (const key of this.acceptedKeys()) {
      try {
        await jwtVerify(token, key, { algorithms: ['HS256'], issuer: ISSUER });
      } catch (error) {
        if (error instanceof errors.JWTExpired) return true;
      }
    }
    return false;
  }

  /** The key that signs first: most tokens are of it. */
  private acceptedKeys(): KeyObject[] {
    const secrets = this.config.auth.jwtSecrets.read();
    return secrets.filter((secret) => secret !== undefined).map((secret) => this.keyOf(secret));
  }

  private keyOf(secret: string): KeyObject {
    const known = this.keys.get(secret);
    if (known !== undefined) return known;
    const key = createSecretKey(Buffer.from(secret));
    this.keys.set(secret, key);
    return key;
  }
}
