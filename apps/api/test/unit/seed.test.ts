import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ASSORTMENT } from '../../src/seed/assortment.js';
import { type PastSale, salesOf } from '../../src/seed/month.js';

/** From a Sunday on, in a shop that opens at 7 UTC. */
const days = Array.from({ length: 28 }, (_, index) => ({
  opens: new Date(Date.UTC(2026, 1, 1 + index, 7)),
  weekday: index % 7,
}));
const articles = Object.values(ASSORTMENT)
  .flatMap((group) => Object.entries(group))
  .map(([name, priceMinor], index) => ({ id: String(index), name, priceMinor }));
const cashiers = ['a', 'b', 'c', 'd', 'e'];
const sales = salesOf(days, articles, cashiers, 1);

const withoutIds = (all: readonly PastSale[]) =>
  all.map((sale) => ({ ...sale, id: '', items: sale.items.map((item) => ({ ...item, sale_id: '' })) }));

function tally(keyOf: (sale: PastSale) => number | string): Map<number | string, number> {
  const counts = new Map<number | string, number>();
  for (const sale of sales) counts.set(keyOf(sale), (counts.get(keyOf(sale)) ?? 0) + 1);
  return counts;
}

describe('made-up sales', () => {
  it('are the same for the same seed, and others for another', () => {
    assert.deepEqual(withoutIds(salesOf(days, articles, cashiers, 1)), withoutIds(sales));
    assert.notDeepEqual(withoutIds(salesOf(days, articles, cashiers, 2)), withoutIds(sales));
  });

  it('are about 400 a day, more at the end of the week', () => {
    assert.ok(Math.abs(sales.length / days.length - 400) < 20, `${sales.length} sales`);
    const byWeekday = tally((sale) => sale.created_at.getUTCDay());
    assert.ok((byWeekday.get(6) ?? 0) > (byWeekday.get(1) ?? 0) * 1.4);
    assert.ok((byWeekday.get(0) ?? 0) > (byWeekday.get(1) ?? 0) * 1.2);
  });

  it('come while the shop is open, most at noon and in the early evening', () => {
    const byHour = tally((sale) => sale.created_at.getUTCHours());
    assert.deepEqual(
      [...byHour.keys()].map(Number).sort((one, other) => one - other),
      Array.from({ length: 14 }, (_, hour) => hour + 7),
    );
    const busiest = [...byHour].sort(([, one], [, other]) => other - one).slice(0, 4);
    assert.deepEqual(busiest.map(([hour]) => Number(hour)).sort(), [12, 13, 17, 18]);
    const onSundays = sales
      .filter((sale) => sale.created_at.getUTCDay() === 0)
      .map((sale) => sale.created_at.getUTCHours());
    assert.deepEqual([Math.min(...onSundays), Math.max(...onSundays)], [9, 17]);
  });

  it('have one to six lines of different articles that add up', () => {
    assert.deepEqual([...tally((sale) => sale.items.length).keys()].map(Number).sort(), [1, 2, 3, 4, 5, 6]);
    for (const { items, total_minor: total } of sales) {
      assert.equal(new Set(items.map((item) => item.product_id)).size, items.length);
      assert.equal(
        items.reduce((sum, item) => sum + item.quantity * item.unit_price_minor, 0),
        total,
      );
    }
  });

  it('know few customers, none of whom has a number that could be somebody’s', () => {
    const named = sales.filter((sale) => sale.customer_name !== undefined);
    assert.ok(Math.abs(named.length / sales.length - 0.15) < 0.02);
    for (const { customer_phone: phone } of named)
      assert.match(phone ?? '+44 7700 900000', /^\+44 7700 900\d{3}$/);
    assert.deepEqual(new Set(sales.map((sale) => sale.cashier_id)), new Set(cashiers));
  });
});
