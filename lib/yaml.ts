import { stringify } from 'yaml';

/** A value as a file of YAML that programs in Go read as it was meant, however old their parser is. */
export const yaml = (value: unknown): string =>
  stringify(value, { schema: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false });
