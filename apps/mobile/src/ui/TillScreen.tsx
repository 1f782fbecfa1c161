import { useEffect, useSyncExternalStore } from 'react';
import { StyleSheet, Text, useWindowDimensions, View } from 'react-native';

import { formatMoney } from '../money';
import type { Till } from '../till/till';
import { Button } from './Button';
import { CartPanel } from './CartPanel';
import { Field } from './Field';
import { Notice } from './Notice';
import { ProductGrid } from './ProductGrid';
import { color, counterWidth, wide } from './theme';

interface TillScreenProps {
  readonly till: Till;
  readonly shopName: string;
  readonly logOut: () => void;
}

export function TillScreen({ till, shopName, logOut }: TillScreenProps) {
  const { products, today, search, cart, attempt, selling, sold, trouble, away } = useSyncExternalStore(
    till.subscribe,
    till.current,
  );
  const sideBySide = useWindowDimensions().width >= wide;
  const locked = attempt !== null;
  const unclear = locked && !selling;

  useEffect(() => {
    void till.open();
    return () => {
      till.close();
    };
  }, [till]);

  return (
    <View role="main" style={styles.page}>
      <View style={styles.header}>
        <View style={styles.shop}>
          <Text role="heading" aria-level={1} numberOfLines={1} style={styles.title}>
            {shopName}
          </Text>
          {today !== null && (
            <Text style={styles.today}>
              Today <Text testID="today-total">{formatMoney(today.totalMinor, today.currency)}</Text>
              {' · '}
              <Text testID="today-count">{today.count}</Text> {today.count === 1 ? 'sale' : 'sales'}
            </Text>
          )}
        </View>
        <Button title="Log out" onPress={logOut} />
      </View>
      <Notice kind="warning" text={away === null ? null : `${away} The till tries again by itself.`} />
      {products === null || today === null ? (
        <Text style={styles.waiting}>{away === null ? 'Loading the products…' : 'No products yet.'}</Text>
      ) : (
        <View style={[styles.body, sideBySide && styles.sideBySide]}>
          <View style={styles.products}>
            <Field
              label="Search products"
              value={search}
              onChangeText={till.search}
              inputMode="search"
              autoCapitalize="none"
              autoCorrect={false}
            />
            <ProductGrid
              products={products}
              currency={today.currency}
              cart={cart}
              locked={locked}
              onPick={till.add}
            />
          </View>
          <View style={[styles.counter, sideBySide && styles.counterBeside]}>
            <Notice
              kind="good"
              text={
                sold === null ? null : `Sale #${sold.number} · ${formatMoney(sold.totalMinor, sold.currency)}`
              }
            />
            <Notice kind="warning" text={unclear ? unclearText(trouble) : trouble}>
              {unclear && (
                <View style={styles.choices}>
                  <Button title="Try again" primary onPress={() => void till.sell()} />
                  <Button title="Leave it" onPress={till.leaveUnclear} />
                </View>
              )}
            </Notice>
            <CartPanel
              cart={cart}
              currency={today.currency}
              locked={locked}
              selling={selling}
              onQuantity={till.changeQuantity}
              onPay={till.pay}
              onSell={() => void till.sell()}
            />
          </View>
        </View>
      )}
    </View>
  );
}

function unclearText(reason: string | null): string {
  const safe = 'The sale may or may not have been booked. Trying again never books it twice.';
  return reason === null ? safe : `${reason} ${safe}`;
}

const styles = StyleSheet.create({
  page: { flex: 1, gap: 10, padding: 12 },
  header: { flexDirection: 'row', alignItems: 'center', gap: 12 },
  shop: { flex: 1 },
  title: { color: color.ink, fontSize: 20, fontWeight: '700' },
  today: { color: color.quiet, fontSize: 15 },
  waiting: { color: color.quiet, fontSize: 16, paddingVertical: 24, textAlign: 'center' },
  body: { flex: 1, gap: 10 },
  sideBySide: { flexDirection: 'row', gap: 20 },
  products: { flex: 1, gap: 10 },
  counter: {
    gap: 10,
    maxHeight: '70%',
    paddingTop: 10,
    borderTopWidth: 1,
    borderTopColor: color.line,
  },
  choices: { flexDirection: 'row', gap: 8 },
  counterBeside: { width: counterWidth, maxHeight: '100%', borderTopWidth: 0 },
});
