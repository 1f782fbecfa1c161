import { ApiProperty } from '@nestjs/swagger';

import { ChoiceField, EmailField, PasswordField, TextField } from '../common/fields.js';
import type { Role } from '../database/tables.js';

const ROLES = ['admin', 'cashier'] as const;
const NEW_PASSWORD_LENGTH = 8;

export class LoginBody {
  @EmailField() readonly email!: string;
  @PasswordField(1) readonly password!: string;
}

export class RefreshTokenBody {
  @TextField(16, 200) readonly refreshToken!: string;
}

export class RegisterBody {
  @EmailField() readonly email!: string;
  @PasswordField(NEW_PASSWORD_LENGTH) readonly password!: string;
  @TextField(1, 80) readonly name!: string;
}

export class InvitationBody {
  @EmailField() readonly email!: string;
  @ChoiceField(ROLES) readonly role!: Role;
}

export class AcceptInvitationBody {
  @TextField(16, 200) readonly token!: string;
  @TextField(1, 80) readonly name!: string;
  @PasswordField(NEW_PASSWORD_LENGTH) readonly password!: string;
}

export class User {
  @ApiProperty({ format: 'uuid' }) readonly id!: string;
  @ApiProperty() readonly email!: string;
  @ApiProperty() readonly name!: string;
  @ApiProperty({ enum: [...ROLES] }) readonly role!: Role;
}

export class SessionAnswer {
  @ApiProperty() readonly accessToken!: string;
  @ApiProperty() readonly refreshToken!: string;
  @ApiProperty({ description: 'Seconds until the access token expires' }) readonly expiresIn!: number;
  @ApiProperty() readonly user!: User;
}

export class InvitationAnswer {
  @ApiProperty({ description: 'Shown once; the invited person accepts with it' }) readonly token!: string;
  @ApiProperty({ format: 'date-time' }) readonly expiresAt!: string;
}
