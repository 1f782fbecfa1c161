import { useRef, useState } from 'react';
import { ScrollView, StyleSheet, Text, type TextInput, View } from 'react-native';

import { messageOf } from '../api/errors';
import { Button } from './Button';
import { Field } from './Field';
import { Notice } from './Notice';
import { color } from './theme';

interface LoginScreenProps {
  readonly shopName: string;
  /** Why the cashier sees this page although they were logged in. */
  readonly reason: string | null;
  readonly logIn: (email: string, password: string) => Promise<void>;
}

export function LoginScreen({ shopName, reason, logIn }: LoginScreenProps) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState(reason);
  const passwordInput = useRef<TextInput>(null);

  const submit = () => {
    if (busy) return;
    if (email.trim() === '' || password === '') {
      setTrouble('Enter your email and password.');
      return;
    }
    setBusy(true);
    setTrouble(null);
    logIn(email.trim(), password).catch((error: unknown) => {
      setTrouble(messageOf(error));
      setBusy(false);
    });
  };

  return (
    <ScrollView contentContainerStyle={styles.page} keyboardShouldPersistTaps="handled" role="main">
      <View style={styles.form}>
        <Text role="heading" aria-level={1} style={styles.title}>
          {shopName}
        </Text>
        <Notice kind="warning" text={trouble} />
        <Field
          label="Email"
          value={email}
          onChangeText={setEmail}
          onSubmitEditing={() => passwordInput.current?.focus()}
          autoComplete="email"
          autoCapitalize="none"
          inputMode="email"
          enterKeyHint="next"
          submitBehavior="submit"
        />
        <Field
          label="Password"
          ref={passwordInput}
          value={password}
          onChangeText={setPassword}
          onSubmitEditing={submit}
          autoComplete="current-password"
          enterKeyHint="go"
          secureTextEntry
        />
        <Button title={busy ? 'Logging in…' : 'Log in'} primary disabled={busy} onPress={submit} />
      </View>
    </ScrollView>
  );
}

const styles = StyleSheet.create({
  page: { flexGrow: 1, justifyContent: 'center', padding: 24 },
  form: { width: '100%', maxWidth: 380, alignSelf: 'center', gap: 16 },
  title: { color: color.ink, fontSize: 32, fontWeight: '700' },
});
