import { ScrollView, StyleSheet, Text, View } from 'react-native';

import { type Payment, payments, type Product } from '../api/messages';
import { formatMoney } from '../money';
import { type Cart, type CartLine, totalMinor } from '../till/cart';
import { Button } from './Button';
import { color, focusRing } from './theme';

interface CartPanelProps {
  readonly cart: Cart;
  readonly currency: string;
  /** A sale is under way or has no clear outcome: the cart is what was sent, and stays so. */
  readonly locked: boolean;
  readonly selling: boolean;
  readonly onQuantity: (product: Product, quantity: number) => void;
  readonly onPay: (payment: Payment) => void;
  readonly onSell: () => void;
}

const paymentTitles: Readonly<Record<Payment, string>> = { cash: 'Cash', card: 'Card' };

export function CartPanel({ cart, currency, locked, selling, onQuantity, onPay, onSell }: CartPanelProps) {
  return (
    <View role="region" aria-label="Cart" style={styles.panel}>
      <ScrollView style={styles.lines} keyboardShouldPersistTaps="handled">
        {cart.lines.length === 0 && <Text style={styles.empty}>Tap a product to put it into the cart.</Text>}
        {cart.lines.map((line) => (
          <Line
            key={line.product.id}
            line={line}
            currency={currency}
            locked={locked}
            onQuantity={onQuantity}
          />
        ))}
      </ScrollView>
      <View style={styles.row}>
        <View role="group" aria-label="Payment" style={styles.payments}>
          {payments.map((payment) => (
            <Button
              key={payment}
              title={paymentTitles[payment]}
              chosen={cart.payment === payment}
              disabled={locked}
              onPress={() => {
                onPay(payment);
              }}
            />
          ))}
        </View>
        <Text testID="cart-total" style={styles.total}>
          {formatMoney(totalMinor(cart), currency)}
        </Text>
      </View>
      <Button
        title={selling ? 'Selling…' : 'Sell'}
        primary
        disabled={locked || cart.lines.length === 0}
        onPress={onSell}
      />
    </View>
  );
}

interface LineProps extends Pick<CartPanelProps, 'currency' | 'locked' | 'onQuantity'> {
  readonly line: CartLine;
}

function Line({ line: { product, quantity }, currency, locked, onQuantity }: LineProps) {
  const change = (wanted: number) => () => {
    onQuantity(product, wanted);
  };
  return (
    <View style={styles.line}>
      <View style={styles.what}>
        <Text numberOfLines={1} style={styles.name}>
          {product.name}
        </Text>
        <Text style={styles.amount}>{formatMoney(product.priceMinor * quantity, currency)}</Text>
      </View>
      <Button title="−" label={`One ${product.name} less`} disabled={locked} onPress={change(quantity - 1)} />
      <Text aria-label={`Quantity of ${product.name}: ${quantity}`} style={styles.quantity}>
        {quantity}
      </Text>
      <Button
        title="+"
        label={`One ${product.name} more`}
        disabled={locked || quantity >= product.stock}
        onPress={change(quantity + 1)}
      />
    </View>
  );
}

const styles = StyleSheet.create({
  panel: { gap: 12, flexShrink: 1 },
  lines: {
    flexGrow: 0,
    flexShrink: 1,
    minHeight: 54,
    marginHorizontal: -focusRing,
    paddingHorizontal: focusRing,
  },
  empty: { color: color.quiet, fontSize: 16, paddingVertical: 14 },
  line: { flexDirection: 'row', alignItems: 'center', gap: 8, paddingVertical: focusRing },
  what: { flex: 1 },
  name: { color: color.ink, fontSize: 16 },
  amount: { color: color.quiet, fontSize: 14 },
  quantity: { minWidth: 24, color: color.ink, fontSize: 16, textAlign: 'center' },
  row: { flexDirection: 'row', alignItems: 'center', justifyContent: 'space-between', gap: 12 },
  payments: { flexDirection: 'row', gap: 8 },
  total: { color: color.ink, fontSize: 28, fontWeight: '700' },
});
