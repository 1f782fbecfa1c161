import type { Role } from '../database/tables.js';

/** Who a request comes from. A class, since the framework's decorators need its name at run time. */
export class Principal {
  constructor(
    readonly id: string,
    readonly role: Role,
    readonly expiresAt: Date,
  ) {}
}
