import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { HourAnswer, HourlyQuery, TodayAnswer } from './reports.dto.js';
import { ReportsService } from './reports.service.js';

@ApiTags('reports')
@ApiBearerAuth()
@Controller('reports')
export class ReportsController {
  constructor(private readonly reports: ReportsService) {}

  @ApiOkResponse({ type: TodayAnswer })
  @Get('today')
  async today(@Res({ passthrough: true }) reply: FastifyReply): Promise<TodayAnswer> {
    const { answer, use } = await this.reports.today();
    void reply.header('x-cache', use);
    return answer;
  }

  @ApiOkResponse({ type: [HourAnswer] })
  @Get('hourly')
  hourly(@Query() { date }: HourlyQuery): Promise<HourAnswer[]> {
    return this.reports.hourly(date);
  }
}
