import { Body, Controller, Get, HttpCode, Inject, Ip, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { Logger } from 'pino';

import { forbidden, unauthorized } from '../common/problem.js';
import { CONFIG, LOGGER } from '../common/tokens.js';
import type { ServerConfig } from '../config/schema.js';
import {
  AcceptInvitationBody,
  LoginBody,
  RefreshTokenBody,
  RegisterBody,
  SessionAnswer,
  User,
} from '../users/users.dto.js';
import { UsersService } from '../users/users.service.js';
import { CurrentUser, Public } from './access.guard.js';
import { AccessTokens } from './access-tokens.js';
import { Principal } from './principal.js';
import { RateLimits } from './rate-limits.js';
import { SecurityEvents } from './security-events.js';
import { Sessions } from './sessions.js';

@ApiTags('auth')
@Controller('auth')
export class AuthController {
  constructor(
    private readonly users: UsersService,
    private readonly sessions: Sessions,
    private readonly tokens: AccessTokens,
    private readonly limits: RateLimits,
    private readonly security: SecurityEvents,
    @Inject(CONFIG) private readonly config: ServerConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Public()
  @ApiOkResponse({ type: SessionAnswer })
  @Post('login')
  @HttpCode(200)
  async login(@Body() { email, password }: LoginBody, @Ip() client: string): Promise<SessionAnswer> {
    await this.limits.spendLogin(client);
    const user = await this.users.findByPassword(email, password);
    if (user === undefined) {
      this.security.record('login_failed', { email, client }, 'login failed');
      throw unauthorized('The e-mail address or the password is wrong.');
    }
    const answer = await this.answer(user, await this.sessions.open(user.id));
    this.logger.info({ event: 'security.login', userId: user.id, client }, 'logged in');
    return answer;
  }

  @Public()
  @ApiOkResponse({ type: SessionAnswer })
  @Post('refresh')
  @HttpCode(200)
  async refresh(@Body() { refreshToken }: RefreshTokenBody, @Ip() client: string): Promise<SessionAnswer> {
    const rotation = await this.sessions.rotate(refreshToken);
    const { outcome, userId } = rotation;
    if (outcome === 'reused') {
      this.security.record('refresh_reused', { userId, client }, 'used refresh token came back');
    } else if (outcome === 'unknown') {
      this.security.record('token_refused', { client }, 'refresh token refused');
    }
    const user = outcome === 'rotated' ? await this.users.find(userId) : undefined;
    if (user === undefined) throw unauthorized('The session has ended. Log in again.');
    return this.answer(user, rotation.refreshToken);
  }

  @Public()
  @Post('logout')
  @HttpCode(204)
  async logout(@Body() { refreshToken }: RefreshTokenBody): Promise<void> {
    await this.sessions.end(refreshToken);
  }

  @ApiBearerAuth()
  @ApiOkResponse({ type: User })
  @Get('me')
  async me(@CurrentUser() { id }: Principal): Promise<User> {
    const user = await this.users.find(id);
    if (user === undefined) throw unauthorized('This user does not exist any more.');
    return user;
  }

  @Public()
  @ApiCreatedResponse({ type: User })
  @Post('register')
  async register(@Body() body: RegisterBody, @Ip() client: string): Promise<User> {
    await this.limits.spendLogin(client);
    if (!this.config.auth.openRegistration) {
      throw forbidden('Registration is closed. An admin can invite you.');
    }
    return this.users.register(body);
  }

  @Public()
  @ApiCreatedResponse({ type: User })
  @Post('accept-invitation')
  async acceptInvitation(@Body() body: AcceptInvitationBody, @Ip() client: string): Promise<User> {
    await this.limits.spendLogin(client);
    return this.users.acceptInvitation(body);
  }

  private async answer(user: User, refreshToken: string): Promise<SessionAnswer> {
    const accessToken = await this.tokens.issue(user);
    return { accessToken, refreshToken, expiresIn: this.config.auth.accessTtlSeconds, user };
  }
}
