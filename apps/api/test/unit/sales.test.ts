import 'reflect-metadata';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { shopDate } from '../../src/reports/shop-day.js';
import { mergeItems } from '../../src/sales/sales.service.js';
import { parseSaleEvent } from '../../src/worker/sale-event.js';

const TEA = 'a3bb189e-8bf9-4c4b-9d9a-1c7d2a7c1f01';
const CAKE = 'a3bb189e-8bf9-4c4b-9d9a-1c7d2a7c1f02';

describe('items of a sale', () => {
  it('are one line for each product, in the order of the till', () => {
    assert.deepEqual(
      mergeItems([
        { productId: CAKE, quantity: 1 },
        { productId: TEA, quantity: 2 },
        { productId: CAKE.toUpperCase(), quantity: 3 },
      ]),
      [
        { productId: CAKE, quantity: 4 },
        { productId: TEA, quantity: 2 },
      ],
    );
  });
});

describe('the day of the shop', () => {
  it('follows the time zone of the shop', () => {
    const moment = new Date('2026-03-01T23:30:00Z');
    assert.equal(shopDate('UTC', moment), '2026-03-01');
    assert.equal(shopDate('Europe/Berlin', moment), '2026-03-02');
    assert.equal(shopDate('America/New_York', moment), '2026-03-01');
  });
});

describe('events of sales', () => {
  const event = {
    id: '6a3d9a0e-3f0b-4d3d-8d53-6f5a8a1f2b11',
    type: 'sale.created',
    occurredAt: '2026-03-01T23:30:00.000Z',
    sale: { id: '0a7c1d4e-7d0b-4f6a-9b53-2f0c9d1e6a77', totalMinor: 1250, number: 7 },
  };

  it('are read with whatever else they carry', () => {
    const parsed = parseSaleEvent(JSON.stringify({ ...event, more: true }));
    assert.deepEqual([parsed.id, parsed.sale], [event.id, { id: event.sale.id, totalMinor: 1250 }]);
  });

  it('are refused with what is wrong', () => {
    assert.throws(() => parseSaleEvent('no JSON'), /JSON/);
    assert.throws(() => parseSaleEvent(JSON.stringify({ ...event, id: 'x' })), /id: Invalid UUID/);
    assert.throws(
      () => parseSaleEvent(JSON.stringify({ ...event, sale: { ...event.sale, totalMinor: 1.5 } })),
      /^Error: sale\.totalMinor: [^;]+$/,
    );
    // The worker counts an event only where its sale is there.
    assert.throws(() => parseSaleEvent(JSON.stringify({ ...event, sale: { totalMinor: 1 } })), /sale\.id/);
  });
});
