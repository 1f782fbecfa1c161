import { createHash, randomBytes } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { hashPassword, passwordMatches } from '../auth/passwords.js';
import { conflict, notFound } from '../common/problem.js';
import { Database, hasSqlState, UNIQUE_VIOLATION } from '../database/database.js';
import type { Role } from '../database/tables.js';
import type { AcceptInvitationBody, InvitationAnswer, RegisterBody, User } from './users.dto.js';

const INVITATION_DAYS = 7;
const COLUMNS = ['id', 'email', 'name', 'role'] as const;

@Injectable()
export class UsersService {
  constructor(private readonly database: Database) {}

  list(): Promise<User[]> {
    return this.database.query.selectFrom('users').select(COLUMNS).orderBy('email').execute();
  }

  find(id: string): Promise<User | undefined> {
    return this.database.query.selectFrom('users').select(COLUMNS).where('id', '=', id).executeTakeFirst();
  }

  async findByPassword(email: string, password: string): Promise<User | undefined> {
    const found = await this.database.query
      .selectFrom('users')
      .select([...COLUMNS, 'password_hash'])
      .where('email', '=', email)
      .executeTakeFirst();
    if (!(await passwordMatches(found?.password_hash, password)) || found === undefined) return undefined;
    const { id, name, role } = found;
    return { id, email, name, role };
  }

  async register({ email, name, password }: RegisterBody): Promise<User> {
    const user = { email, name, role: 'cashier' as const, password_hash: await hashPassword(password) };
    try {
      return await this.database.query
        .insertInto('users')
        .values(user)
        .returning(COLUMNS)
        .executeTakeFirstOrThrow();
    } catch (error) {
      throw asEmailTaken(error);
    }
  }

  async invite(email: string, role: Role, invitedBy: string): Promise<InvitationAnswer> {
    const token = randomBytes(32).toString('base64url');
    const expiresAt = new Date(Date.now() + INVITATION_DAYS * 86_400_000);
    await this.database.query
      .insertInto('invitations')
      .values({ token_hash: hashOf(token), email, role, invited_by: invitedBy, expires_at: expiresAt })
      .execute();
    return { token, expiresAt: expiresAt.toISOString() };
  }

  async acceptInvitation({ token, name, password }: AcceptInvitationBody): Promise<User> {
    const passwordHash = await hashPassword(password);
    try {
      return await this.database.query.transaction().execute(async (transaction) => {
        const now = new Date();
        const invitation = await transaction
          .updateTable('invitations')
          .set({ accepted_at: now })
          .where('token_hash', '=', hashOf(token))
          .where('accepted_at', 'is', null)
          .where('expires_at', '>', now)
          .returning(['email', 'role'])
          .executeTakeFirst();
        if (invitation === undefined)
          throw notFound('This invitation does not exist, is used or has expired.');
        return transaction
          .insertInto('users')
          .values({ ...invitation, name, password_hash: passwordHash })
          .returning(COLUMNS)
          .executeTakeFirstOrThrow();
      });
    } catch (error) {
      throw asEmailTaken(error);
    }
  }
}

function asEmailTaken(error: unknown): unknown {
  return hasSqlState(error, UNIQUE_VIOLATION)
    ? conflict('A user with this e-mail address exists already.')
    : error;
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
