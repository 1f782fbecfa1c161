import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsEmail, IsIn, IsInt, IsString, IsUUID, Length, Max, Min, ValidateIf } from 'class-validator';

/** Fields of request bodies: each decorator validates, cleans and documents at once. */

interface FieldOptions {
  readonly optional?: boolean;
  readonly example?: string | number;
}

/** Missing is fine, null is not. */
export const IfGiven = () => ValidateIf((_body: unknown, value: unknown) => value !== undefined);

function field(
  { optional = false, example }: FieldOptions,
  schema: ApiPropertyOptions,
  ...rules: PropertyDecorator[]
) {
  const documented = { ...schema, ...(example !== undefined && { example }) };
  return optional
    ? applyDecorators(ApiPropertyOptional(documented), IfGiven(), ...rules)
    : applyDecorators(ApiProperty(documented), ...rules);
}

/** Control characters have no business in a name and would forge lines wherever it is printed. */
const clean = Transform(({ value }: { value: unknown }) =>
  typeof value === 'string' ? value.replace(/\p{Cc}/gu, '').trim() : value,
);

export const TextField = (minimum: number, maximum: number, options: FieldOptions = {}) =>
  field(
    options,
    { type: 'string', minLength: minimum, maxLength: maximum },
    clean,
    IsString(),
    Length(minimum, maximum),
  );

/** Kept exactly as typed. */
export const PasswordField = (minimum: number) =>
  field(
    {},
    { type: 'string', format: 'password', minLength: minimum, maxLength: 128 },
    IsString(),
    Length(minimum, 128),
  );

export const EmailField = () =>
  field(
    { example: 'admin@zakpos.local' },
    { type: 'string', format: 'email' },
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' ? value.trim().toLowerCase() : value,
    ),
    IsEmail({ require_tld: false }),
    Length(3, 254),
  );

export const WholeNumberField = (minimum: number, maximum: number, options: FieldOptions = {}) =>
  field(options, { type: 'integer', minimum, maximum }, IsInt(), Min(minimum), Max(maximum));

export const IdField = () => field({}, { type: 'string', format: 'uuid' }, IsUUID());

export const ChoiceField = (choices: readonly string[], options: FieldOptions = {}) =>
  field(options, { type: 'string', enum: [...choices] }, IsIn([...choices]));

/** A number in a query string. */
export const LimitField = (standard: number, maximum: number) =>
  field(
    { optional: true },
    { type: 'integer', minimum: 1, maximum, default: standard },
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? Number(value) : value)),
    IsInt(),
    Min(1),
    Max(maximum),
  );
