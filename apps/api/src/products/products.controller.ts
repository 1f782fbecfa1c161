import { Body, Controller, Get, Param, ParseUUIDPipe, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { AdminOnly } from '../auth/access.guard.js';
import { NewProductBody, Product, ProductChangesBody, ProductQuery } from './products.dto.js';
import { ProductsService } from './products.service.js';

@ApiTags('products')
@ApiBearerAuth()
@Controller('products')
export class ProductsController {
  constructor(private readonly products: ProductsService) {}

  @ApiOkResponse({ type: [Product] })
  @Get()
  list(@Query() query: ProductQuery): Promise<Product[]> {
    return this.products.list(query);
  }

  @ApiOkResponse({ type: Product })
  @Get(':id')
  get(@Param('id', ParseUUIDPipe) id: string): Promise<Product> {
    return this.products.get(id);
  }

  @AdminOnly()
  @ApiCreatedResponse({ type: Product })
  @Post()
  create(@Body() body: NewProductBody): Promise<Product> {
    return this.products.create(body);
  }

  @AdminOnly()
  @ApiOkResponse({ type: Product })
  @Patch(':id')
  update(@Param('id', ParseUUIDPipe) id: string, @Body() body: ProductChangesBody): Promise<Product> {
    return this.products.update(id, body);
  }
}
