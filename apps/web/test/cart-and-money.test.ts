import {
  addProduct,
  emptyCart,
  itemCount,
  orderOf,
  setPayment,
  setQuantity,
  totalMinor,
} from '../src/till/cart';
import { moneyFormat } from '../src/till/money';

const tea = { id: 'p1', sku: 'TEA', name: 'Tea', priceMinor: 199, stock: 10 };
const bun = { id: 'p2', sku: 'BUN', name: 'Bun', priceMinor: 150, stock: 10 };
const cart = addProduct(addProduct(addProduct(emptyCart, tea), bun), tea);

test('a cart counts in minor units and becomes an order', () => {
  expect(totalMinor(cart)).toBe(548);
  expect(itemCount(cart)).toBe(3);
  expect(orderOf(setPayment(cart, 'card'))).toEqual({
    items: [
      { productId: 'p1', quantity: 2 },
      { productId: 'p2', quantity: 1 },
    ],
    payment: 'card',
  });
});

test('a quantity of 0 takes the product out', () => {
  expect(setQuantity(cart, 'p1', 0).lines.map(({ name }) => name)).toEqual(['Bun']);
});

test('while a sale is without an answer, nothing changes the cart', () => {
  const sent = { ...cart, attempt: 'key-of-this-sale' };
  expect(addProduct(sent, bun)).toBe(sent);
  expect(setQuantity(sent, 'p1', 9)).toBe(sent);
  expect(setPayment(sent, 'card')).toBe(sent);
});

test.each([
  ['EUR', '€12.34'],
  ['JPY', '¥1,234'],
  ['KWD', 'KWD 1.234'],
])('1234 minor units of %s are %s', (currency, text) => {
  expect(moneyFormat(currency, 'en')(1234).replace(/\s/g, ' ')).toBe(text);
});
