import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsObject, ValidateNested } from 'class-validator';

import { ChoiceField, IdField, IfGiven, LimitField, TextField, WholeNumberField } from '../common/fields.js';
import type { PaymentMethod } from '../database/tables.js';

const PAYMENTS = ['cash', 'card'] as const;
const MOST_LINES = 100;

export class SaleQuery {
  @LimitField(50, 500) readonly limit: number = 50;
}

export class WantedItem {
  @IdField() readonly productId!: string;
  @WholeNumberField(1, 10_000) readonly quantity!: number;
}

export class Customer {
  @TextField(1, 120) readonly name!: string;
  @TextField(3, 40, { optional: true }) readonly phone?: string;
}

export class NewSaleBody {
  @ApiProperty({ type: [WantedItem], minItems: 1, maxItems: MOST_LINES })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MOST_LINES)
  @ValidateNested({ each: true })
  @Type(() => WantedItem)
  readonly items!: WantedItem[];

  @ChoiceField(PAYMENTS) readonly payment!: PaymentMethod;

  @ApiProperty({ required: false, type: Customer })
  @IfGiven()
  @IsObject()
  @ValidateNested()
  @Type(() => Customer)
  readonly customer?: Customer;
}

export class SaleItem {
  @ApiProperty({ format: 'uuid' }) readonly productId!: string;
  @ApiProperty() readonly name!: string;
  @ApiProperty() readonly quantity!: number;
  @ApiProperty() readonly unitPriceMinor!: number;
  @ApiProperty() readonly lineTotalMinor!: number;
}

export class Sale {
  @ApiProperty({ format: 'uuid' }) readonly id!: string;
  @ApiProperty() readonly number!: number;
  @ApiProperty({ format: 'date-time' }) readonly createdAt!: string;
  @ApiProperty({ format: 'uuid' }) readonly cashierId!: string;
  @ApiProperty({ type: [SaleItem] }) readonly items!: SaleItem[];
  @ApiProperty() readonly totalMinor!: number;
  @ApiProperty() readonly currency!: string;
  @ApiProperty({ enum: [...PAYMENTS] }) readonly payment!: PaymentMethod;
}
