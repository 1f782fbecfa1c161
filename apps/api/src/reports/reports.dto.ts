import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsISO8601, Length } from 'class-validator';

import { IfGiven } from '../common/fields.js';

export class HourlyQuery {
  @ApiPropertyOptional({ format: 'date', description: 'A date in the shop; today without it' })
  @IfGiven()
  @Length(10, 10)
  @IsISO8601({ strict: true })
  readonly date?: string;
}

export class TodayAnswer {
  @ApiProperty({ format: 'date' }) readonly date!: string;
  @ApiProperty() readonly timeZone!: string;
  @ApiProperty() readonly currency!: string;
  @ApiProperty() readonly count!: number;
  @ApiProperty() readonly totalMinor!: number;
}

export class HourAnswer {
  @ApiProperty({ format: 'date-time', description: 'Start of the hour' }) readonly hour!: string;
  @ApiProperty() readonly count!: number;
  @ApiProperty() readonly totalMinor!: number;
}
