import type { ReactNode } from 'react';
import { StyleSheet, Text, View } from 'react-native';

import { color, radius } from './theme';

interface NoticeProps {
  /** Good news is said when there is a pause; a warning at once. */
  readonly kind: 'good' | 'warning';
  readonly text: string | null;
  readonly children?: ReactNode;
}

/** Stays in place without a text, since screen readers announce only changes of what they know. */
export function Notice({ kind, text, children }: NoticeProps) {
  const shown = text !== null;
  return (
    <View
      role={kind === 'good' ? 'status' : 'alert'}
      aria-live={kind === 'good' ? 'polite' : 'assertive'}
      style={shown ? [styles.notice, kind === 'good' ? styles.good : styles.warning] : styles.empty}
    >
      {shown && <Text style={[styles.text, kind === 'warning' && styles.warningText]}>{text}</Text>}
      {shown && children}
    </View>
  );
}

const styles = StyleSheet.create({
  // Out of the flow, so that it takes no gap between its neighbours.
  empty: { position: 'absolute' },
  notice: { gap: 10, padding: 12, borderRadius: radius },
  good: { backgroundColor: color.accentTint },
  warning: { backgroundColor: color.warningTint },
  text: { color: color.accentPressed, fontSize: 16, fontWeight: '600' },
  warningText: { color: color.warning, fontWeight: '400' },
});
