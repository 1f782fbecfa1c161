import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';

import { IfGiven, LimitField, TextField, WholeNumberField } from '../common/fields.js';

const MOST_STOCK = 100_000_000;
const HIGHEST_PRICE = 1_000_000_000;

export class ProductQuery {
  @TextField(1, 80, { optional: true }) readonly search?: string;
  @LimitField(100, 500) readonly limit: number = 100;
}

export class NewProductBody {
  @TextField(1, 120) readonly name!: string;
  @TextField(1, 64) readonly sku!: string;
  @WholeNumberField(1, HIGHEST_PRICE) readonly priceMinor!: number;
  @WholeNumberField(0, MOST_STOCK) readonly stock!: number;
  @ApiProperty({ required: false, default: true }) @IfGiven() @IsBoolean() readonly active?: boolean;
}

export class ProductChangesBody {
  @TextField(1, 120, { optional: true }) readonly name?: string;
  @TextField(1, 64, { optional: true }) readonly sku?: string;
  @WholeNumberField(1, HIGHEST_PRICE, { optional: true }) readonly priceMinor?: number;
  @WholeNumberField(0, MOST_STOCK, { optional: true }) readonly stock?: number;
  @ApiProperty({ required: false }) @IfGiven() @IsBoolean() readonly active?: boolean;
}

export class Product {
  @ApiProperty({ format: 'uuid' }) readonly id!: string;
  @ApiProperty() readonly sku!: string;
  @ApiProperty() readonly name!: string;
  @ApiProperty({ description: 'In minor units of the shop’s currency' }) readonly priceMinor!: number;
  @ApiProperty() readonly stock!: number;
  @ApiProperty() readonly active!: boolean;
}
