import { Pressable, ScrollView, StyleSheet, Text, useWindowDimensions, View } from 'react-native';

import type { Product } from '../api/messages';
import { formatMoney } from '../money';
import { type Cart, quantityOf } from '../till/cart';
import { color, counterWidth, focusRing, radius, wide } from './theme';

interface ProductGridProps {
  readonly products: readonly Product[];
  readonly currency: string;
  readonly cart: Cart;
  readonly locked: boolean;
  readonly onPick: (product: Product) => void;
}

/** The narrowest that a product's name, price and stock are readable. */
const COLUMN_FROM = 170;

export function ProductGrid({ products, currency, cart, locked, onPick }: ProductGridProps) {
  const { width } = useWindowDimensions();
  const room = width >= wide ? width - counterWidth : width;
  const columns = Math.max(2, Math.floor(room / COLUMN_FROM));
  if (products.length === 0) return <Text style={styles.none}>No product found.</Text>;
  return (
    <ScrollView style={styles.scroll} contentContainerStyle={styles.grid} keyboardShouldPersistTaps="handled">
      {products.map((product) => {
        const left = product.stock - quantityOf(cart, product.id);
        const price = formatMoney(product.priceMinor, currency);
        const stock = left > 0 ? `${left} left` : 'none left';
        const disabled = locked || left <= 0;
        return (
          <View key={product.id} style={[styles.cell, { width: `${100 / columns}%` }]}>
            <Pressable
              role="button"
              aria-label={`${product.name}, ${price}, ${stock}`}
              disabled={disabled}
              onPress={() => {
                onPick(product);
              }}
              style={({ pressed }) => [
                styles.product,
                pressed && styles.pressed,
                disabled && styles.disabled,
              ]}
            >
              <Text numberOfLines={2} style={styles.name}>
                {product.name}
              </Text>
              <View style={styles.facts}>
                <Text style={styles.price}>{price}</Text>
                <Text style={styles.stock}>{stock}</Text>
              </View>
            </Pressable>
          </View>
        );
      })}
    </ScrollView>
  );
}

const styles = StyleSheet.create({
  // The cells' padding leaves room for the focus ring, which a scroll view would cut off.
  scroll: { marginHorizontal: -focusRing },
  grid: { flexDirection: 'row', flexWrap: 'wrap' },
  cell: { padding: focusRing },
  none: { color: color.quiet, fontSize: 16, paddingVertical: 24, textAlign: 'center' },
  product: {
    flexGrow: 1,
    minHeight: 84,
    padding: 12,
    gap: 6,
    justifyContent: 'space-between',
    borderRadius: radius,
    borderWidth: 1,
    borderColor: color.line,
    backgroundColor: color.surface,
  },
  pressed: { backgroundColor: color.accentTint, borderColor: color.accent },
  disabled: { opacity: 0.55 },
  name: { color: color.ink, fontSize: 16, fontWeight: '600', textAlign: 'left' },
  facts: { flexDirection: 'row', justifyContent: 'space-between', alignItems: 'baseline' },
  price: { color: color.accent, fontSize: 16, fontWeight: '600' },
  stock: { color: color.quiet, fontSize: 13 },
});
