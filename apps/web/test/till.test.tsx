/** @jest-environment ./test/fakes/browser-environment.mjs */
import { act, render, type RenderResult, screen, waitFor, within } from '@testing-library/react';
import userEvent, { type UserEvent } from '@testing-library/user-event';

import { Till } from '../src/till/till';
import { FakeApi } from './fakes/fake-api';
import { FakeSocket } from './fakes/fake-socket';

const config = { shopName: 'Corner Shop', apiUrl: '/api/v1', wsUrl: '' };

let api: FakeApi;
let user: UserEvent;

beforeEach(() => {
  jest.useFakeTimers();
  user = userEvent.setup({ advanceTimers: jest.advanceTimersByTime });
  api = new FakeApi();
  sessionStorage.clear();
  FakeSocket.opened.length = 0;
  Object.assign(window, {
    fetch: api.fetch,
    WebSocket: FakeSocket,
    matchMedia: () => ({ matches: true }),
  });
});

afterEach(() => {
  jest.useRealTimers();
});

function pass(milliseconds: number): Promise<void> {
  return act(() => jest.advanceTimersByTimeAsync(milliseconds));
}

/** Also waits for what the click sets off, up to the next timer. */
async function click(element: HTMLElement): Promise<void> {
  await user.click(element);
  await pass(0);
}

async function openPage(): Promise<RenderResult> {
  const page = render(<Till config={config} />);
  await pass(0);
  return page;
}

async function logIn(): Promise<void> {
  await user.type(screen.getByLabelText('Email'), 'ada@shop.test');
  await user.type(screen.getByLabelText('Password'), 'correct horse');
  await click(screen.getByRole('button', { name: 'Log in' }));
}

async function openTill(): Promise<void> {
  await openPage();
  await logIn();
  await screen.findByRole('button', { name: /^Espresso/ });
}

const sellButton = (): HTMLElement => screen.getByRole('button', { name: 'Sell' });
const cart = (): HTMLElement => screen.getByRole('region', { name: 'Cart' });

test('a cashier logs in, sells, and sees the sale and the totals of the day', async () => {
  await openTill();
  expect(sellButton()).toBeDisabled();
  await click(screen.getByRole('button', { name: /^Espresso/ }));
  await click(screen.getByRole('button', { name: /^Espresso/ }));
  await click(screen.getByRole('button', { name: /^Carrot cake/ }));
  await click(screen.getByRole('radio', { name: 'Card' }));
  expect(within(cart()).getByText('€9.20')).toBeVisible();
  await click(sellButton());

  expect(await screen.findByRole('status')).toHaveTextContent(/^Sale #1001 done: €9.20/);
  expect(api.requests('POST', '/api/v1/sales')[0]?.body).toEqual({
    items: [
      { productId: 'p1', quantity: 2 },
      { productId: 'p2', quantity: 1 },
    ],
    payment: 'card',
  });
  expect(await screen.findByTestId('today-total')).toHaveTextContent('€9.20');
  expect(screen.getByTestId('today-count')).toHaveTextContent('1');
  expect(within(cart()).queryByText('Espresso')).not.toBeInTheDocument();
});

test('a sale whose answer was lost is sent again by itself with the same key, and sold once', async () => {
  await openTill();
  await click(screen.getByRole('button', { name: /^Espresso/ }));
  api.loseNextSaleAnswer = true;
  await click(sellButton());

  expect(await screen.findByTestId('api-away')).toHaveTextContent(/doesn't answer.*Your cart is kept/);
  expect(within(cart()).getByText('Espresso')).toBeVisible();
  expect(screen.getByRole('button', { name: 'One more of Espresso' })).toBeDisabled();
  await pass(2_000);

  expect(await screen.findByRole('status')).toHaveTextContent('Sale #1001');
  const [first, second] = api.requests('POST', '/api/v1/sales');
  expect(first?.idempotencyKey).toMatch(/^[0-9a-f]{32}$/);
  expect(second).toEqual(first);
  expect(api.sales).toHaveLength(1);
  expect(screen.queryByTestId('api-away')).not.toBeInTheDocument();
});

test('a reload in the middle of a sale finishes it with the same key', async () => {
  const page = await openPage();
  await logIn();
  await click(await screen.findByRole('button', { name: /^Espresso/ }));
  api.loseNextSaleAnswer = true;
  await click(sellButton());
  await screen.findByTestId('api-away');
  page.unmount();
  await openPage();

  await waitFor(() => {
    expect(screen.getByRole('status')).toHaveTextContent('Sale #1001');
  });
  const keys = api.requests('POST', '/api/v1/sales').map(({ idempotencyKey }) => idempotencyKey);
  expect(new Set(keys).size).toBe(1);
  expect(api.sales).toHaveLength(1);
});

test('the next sale and a sale after a refusal have keys of their own', async () => {
  await openTill();
  const espresso = screen.getByRole('button', { name: /^Espresso/ });
  await click(espresso);
  await click(sellButton());
  await screen.findByText(/Sale #1001/);
  await click(espresso);
  api.products.shift();
  await click(sellButton());

  expect(await within(cart()).findByRole('alert')).toHaveTextContent('Not enough of p1: 0 left.');
  expect(screen.getByRole('button', { name: 'One more of Espresso' })).toBeEnabled();
  await click(sellButton());
  await waitFor(() => {
    expect(api.requests('POST', '/api/v1/sales')).toHaveLength(3);
  });
  const keys = api.requests('POST', '/api/v1/sales').map(({ idempotencyKey }) => idempotencyKey);
  expect(new Set(keys).size).toBe(3);
});

test('giving up on a sale without an answer unlocks the cart and says what is unclear', async () => {
  await openTill();
  await click(screen.getByRole('button', { name: /^Espresso/ }));
  api.fault = 'silent';
  await click(sellButton());
  await click(await screen.findByRole('button', { name: 'Change the cart instead' }));

  expect(within(cart()).getByRole('alert')).toHaveTextContent('may have been booked');
  expect(sellButton()).toBeEnabled();
});

test.each(['silent', 'proxy'] as const)(
  'an API that is away (%s) shows at once, with a countdown',
  async (fault) => {
    api.fault = fault;
    await openPage();

    const banner = await screen.findByTestId('api-away');
    expect(banner).toHaveTextContent("The API at http://localhost/api/v1 doesn't answer");
    expect(banner).toHaveTextContent('Trying again in 2 s');
    await pass(1_000);
    expect(banner).toHaveTextContent('Trying again in 1 s');
    await pass(1_000);
    expect(banner).toHaveTextContent('Trying again in 4 s');

    api.fault = 'none';
    await click(screen.getByRole('button', { name: 'Try now' }));
    await waitFor(() => {
      expect(banner).not.toBeInTheDocument();
    });
  },
);

test('a till whose API goes away keeps its cart and comes back by itself', async () => {
  await openTill();
  await click(screen.getByRole('button', { name: /^Espresso/ }));
  api.fault = 'proxy';
  await pass(60_000);
  expect(await screen.findByTestId('api-away')).toHaveTextContent('Your cart is kept');
  api.fault = 'none';
  await pass(60_000);
  expect(screen.queryByTestId('api-away')).not.toBeInTheDocument();
  expect(within(cart()).getByText('Espresso')).toBeVisible();
  expect(sellButton()).toBeEnabled();
});

test('when the session has ended, the cashier logs in again and finds the cart', async () => {
  await openTill();
  await click(screen.getByRole('button', { name: /^Espresso/ }));
  api.accepts = () => false;
  api.sessionEnded = true;
  await click(sellButton());

  expect(await screen.findByRole('alert')).toHaveTextContent('Your session has ended');
  api.accepts = () => true;
  api.sessionEnded = false;
  await logIn();
  expect(await screen.findByText(/Sale #1001/)).toBeVisible();
});

test('logging out ends the session here and at the API', async () => {
  await openTill();
  await click(screen.getByRole('button', { name: 'Log out' }));
  expect(screen.getByRole('button', { name: 'Log in' })).toBeVisible();
  expect(api.requests('POST', '/api/v1/auth/logout')[0]?.body).toEqual({ refreshToken: 'refresh-1' });
  expect(sessionStorage.getItem('zakpos.session')).toBeNull();
});

test('sales of other tills arrive by the live feed', async () => {
  await openTill();
  const socket = FakeSocket.latest();
  expect(socket.url).toBe('ws://localhost/api/v1/live');
  act(() => {
    socket.open();
  });
  expect(socket.sent).toEqual([JSON.stringify({ type: 'auth', token: 'access-1' })]);
  const sale = {
    id: 's7',
    number: 77,
    totalMinor: 1_234,
    currency: 'EUR',
    createdAt: '2026-01-02T10:00:00Z',
  };
  await act(() => {
    socket.tell({ type: 'ready' });
    socket.tell({ type: 'sale', sale });
    return jest.advanceTimersByTimeAsync(0);
  });
  const list = screen.getByRole('list', { name: 'Live sales' });
  expect(within(list).getByText('#77')).toBeVisible();
  expect(within(list).getByText('€12.34')).toBeVisible();
});

test('Enter in the search field puts the product with that SKU into the cart', async () => {
  await openTill();
  const search = screen.getByRole('searchbox', { name: 'Search products' });
  await user.type(search, 'cake{Enter}');
  await pass(0);
  expect(await within(cart()).findByText('Carrot cake')).toBeVisible();
  expect(search).toHaveValue('');
});
