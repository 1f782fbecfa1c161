import type { Ref } from 'react';
import { StyleSheet, Text, TextInput, type TextInputProps, View } from 'react-native';

import { color, radius, touch } from './theme';

interface FieldProps extends Omit<TextInputProps, 'style' | 'aria-label'> {
  readonly label: string;
  readonly ref?: Ref<TextInput>;
}

export function Field({ label, ...input }: FieldProps) {
  return (
    <View style={styles.field}>
      <Text aria-hidden style={styles.label}>
        {label}
      </Text>
      <TextInput {...input} aria-label={label} placeholderTextColor={color.quiet} style={styles.input} />
    </View>
  );
}

const styles = StyleSheet.create({
  field: { gap: 6 },
  label: { color: color.quiet, fontSize: 14 },
  input: {
    minHeight: touch,
    paddingHorizontal: 14,
    borderRadius: radius,
    borderWidth: 1,
    borderColor: color.edge,
    backgroundColor: color.surface,
    color: color.ink,
    // Below 16 pixels, iOS zooms into a field that gets the focus.
    fontSize: 16,
  },
});
