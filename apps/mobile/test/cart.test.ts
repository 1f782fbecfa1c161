import { emptyCart, orderOf, quantityOf, setQuantity, totalMinor } from '../src/till/cart';
import { croissant, espresso } from './fake-api';

const both = setQuantity(setQuantity(emptyCart, espresso, 2), croissant, 1);

test('the total is the sum of price times quantity, in minor units', () => {
  expect(totalMinor(emptyCart)).toBe(0);
  expect(totalMinor(both)).toBe(635);
});

test('a quantity stays between none and the stock', () => {
  expect(quantityOf(setQuantity(both, espresso, 9), espresso.id)).toBe(5);
  expect(setQuantity(both, espresso, -1).lines.map(({ product }) => product.name)).toEqual(['Croissant']);
});

test('a changed line keeps its place', () => {
  expect(setQuantity(both, espresso, 3).lines.map(({ quantity }) => quantity)).toEqual([3, 1]);
});

test('an order names products, quantities and the payment', () => {
  expect(orderOf({ ...both, payment: 'card' })).toEqual({
    items: [
      { productId: 'p-1', quantity: 2 },
      { productId: 'p-2', quantity: 1 },
    ],
    payment: 'card',
  });
});
