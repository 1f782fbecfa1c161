import { Pressable, StyleSheet, Text } from 'react-native';

import { color, radius, touch } from './theme';

interface ButtonProps {
  readonly title: string;
  readonly onPress: () => void;
  /** What a screen reader says where the title alone isn't clear. */
  readonly label?: string;
  readonly primary?: boolean;
  readonly disabled?: boolean;
  /** For a choice among several buttons: whether this one is the chosen one. */
  readonly chosen?: boolean;
}

export function Button({ title, onPress, label = title, primary = false, disabled, chosen }: ButtonProps) {
  return (
    <Pressable
      role="button"
      aria-label={label}
      aria-pressed={chosen}
      accessibilityState={{ selected: chosen, disabled }}
      disabled={disabled}
      onPress={onPress}
      style={({ pressed }) => [
        styles.button,
        primary && styles.primary,
        chosen && styles.chosen,
        pressed && (primary ? styles.primaryPressed : styles.pressed),
        disabled && styles.disabled,
      ]}
    >
      <Text style={[styles.title, primary && styles.primaryTitle, chosen && styles.chosenTitle]}>
        {title}
      </Text>
    </Pressable>
  );
}

const styles = StyleSheet.create({
  button: {
    minHeight: touch,
    minWidth: touch,
    paddingHorizontal: 14,
    alignItems: 'center',
    justifyContent: 'center',
    borderRadius: radius,
    borderWidth: 1,
    borderColor: color.edge,
    backgroundColor: color.surface,
  },
  pressed: { backgroundColor: color.accentTint },
  primary: { borderColor: color.accent, backgroundColor: color.accent },
  primaryPressed: { backgroundColor: color.accentPressed },
  chosen: { borderColor: color.accent, backgroundColor: color.accentTint },
  disabled: { opacity: 0.5 },
  title: { color: color.ink, fontSize: 16, fontWeight: '600' },
  primaryTitle: { color: color.onAccent },
  chosenTitle: { color: color.accentPressed },
});
