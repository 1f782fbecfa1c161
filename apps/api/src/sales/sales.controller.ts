import { Body, Controller, Get, Headers, Param, ParseUUIDPipe, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiHeader, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { CurrentUser } from '../auth/access.guard.js';
import { Principal } from '../auth/principal.js';
import { badRequest } from '../common/problem.js';
import { NewSaleBody, Sale, SaleQuery } from './sales.dto.js';
import { SalesService } from './sales.service.js';

@ApiTags('sales')
@ApiBearerAuth()
@Controller('sales')
export class SalesController {
  constructor(private readonly sales: SalesService) {}

  @ApiHeader({
    name: 'Idempotency-Key',
    required: true,
    description: '8 to 128 visible characters, new for each sale and kept for its retries',
  })
  @ApiCreatedResponse({ type: Sale })
  @Post()
  async sell(
    @Body() body: NewSaleBody,
    @CurrentUser() user: Principal,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Sale> {
    if (idempotencyKey === undefined || !/^[\x21-\x7e]{8,128}$/.test(idempotencyKey)) {
      throw badRequest('The header Idempotency-Key is needed: 8 to 128 visible characters.');
    }
    const { sale, replayed } = await this.sales.sell(user.id, idempotencyKey, body);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return sale;
  }

  @ApiOkResponse({ type: [Sale] })
  @Get()
  list(@Query() { limit }: SaleQuery): Promise<Sale[]> {
    return this.sales.list(limit);
  }

  @ApiOkResponse({ type: Sale })
  @Get(':id')
  get(@Param('id', ParseUUIDPipe) id: string): Promise<Sale> {
    return this.sales.get(id);
  }
}
