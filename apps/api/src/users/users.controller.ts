import { Body, Controller, Get, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { AdminOnly, CurrentUser } from '../auth/access.guard.js';
import { Principal } from '../auth/principal.js';
import { InvitationAnswer, InvitationBody, User } from './users.dto.js';
import { UsersService } from './users.service.js';

@ApiTags('users')
@ApiBearerAuth()
@AdminOnly()
@Controller('users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @ApiOkResponse({ type: [User] })
  @Get()
  list(): Promise<User[]> {
    return this.users.list();
  }

  @ApiCreatedResponse({ type: InvitationAnswer })
  @Post('invitations')
  invite(@Body() body: InvitationBody, @CurrentUser() user: Principal): Promise<InvitationAnswer> {
    return this.users.invite(body.email, body.role, user.id);
  }
}
