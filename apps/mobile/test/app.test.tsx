import { fireEvent, render, screen, waitFor, within } from '@testing-library/react';

import { App } from '../src/App';
import { espresso, FakeApi, json, lost, problem, url } from './fake-api';
import { MemoryStorage } from './memory-storage';

let fake: FakeApi;

function renderApp(apiUrl: string | undefined = url) {
  return render(
    <App
      device={{
        configSource: { variables: { EXPO_PUBLIC_API_URL: apiUrl, SHOP_NAME: 'Corner Café' } },
        fetch: fake.fetch,
        secrets: new MemoryStorage(),
        drafts: new MemoryStorage(),
        newKey: () => 'key-00000001',
        wait: () => Promise.resolve(),
      }}
    />,
  );
}

async function logIn() {
  fireEvent.change(await screen.findByLabelText('Email'), { target: { value: 'ann@shop.example' } });
  fireEvent.change(screen.getByLabelText('Password'), { target: { value: 'correct horse' } });
  fireEvent.click(screen.getByRole('button', { name: 'Log in' }));
}

const espressoButton = () => screen.findByRole('button', { name: /^Espresso/ });

beforeEach(() => {
  fake = new FakeApi();
});

test('a cashier logs in, fills the cart, sells, and sees the sale and the new total', async () => {
  renderApp();
  await logIn();
  expect((await screen.findByTestId('today-total')).textContent).toBe('€12.30');
  fireEvent.click(await espressoButton());
  const cart = within(screen.getByRole('region', { name: 'Cart' }));
  expect(cart.getByTestId('cart-total').textContent).toBe('€2.20');

  fake.on('GET /reports/today', () => json({ currency: 'EUR', count: 4, totalMinor: 1450 }));
  fireEvent.click(cart.getByRole('button', { name: 'Sell' }));
  await waitFor(() => {
    expect(screen.getByRole('status').textContent).toMatch(/^Sale #7 · €2\.20/);
  });
  await waitFor(() => {
    expect(screen.getByTestId('today-total').textContent).toBe('€14.50');
  });
  expect(screen.getByTestId('today-count').textContent).toBe('4');
});

test('a product is not offered beyond its stock', async () => {
  fake.on('GET /products', () => json([{ ...espresso, stock: 1 }]));
  renderApp();
  await logIn();
  fireEvent.click(await espressoButton());
  expect(await screen.findByRole('button', { name: 'Espresso, €2.20, none left' })).toHaveProperty(
    'disabled',
    true,
  );
});

test('an unclear sale offers to try again, and says that this is safe', async () => {
  renderApp();
  await logIn();
  fireEvent.click(await espressoButton());
  fake.on('POST /sales', lost, lost, lost, () => json({ number: 7, totalMinor: 220, currency: 'EUR' }));
  fireEvent.click(screen.getByRole('button', { name: 'Sell' }));
  expect(await screen.findByText(/Trying again never books it twice/)).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Sell' })).toHaveProperty('disabled', true);
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await waitFor(() => {
    expect(screen.getByRole('status').textContent).toContain('Sale #7');
  });
});

test('a wrong password is told in the words of the API', async () => {
  fake.on('POST /auth/login', () => problem(401, 'Email or password is wrong.'));
  renderApp();
  await logIn();
  expect(await screen.findByText('Email or password is wrong.')).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Log in' })).toHaveProperty('disabled', false);
});

test('logging out leads back to the log-in page', async () => {
  renderApp();
  await logIn();
  fireEvent.click(await screen.findByRole('button', { name: 'Log out' }));
  expect(await screen.findByLabelText('Email')).toBeTruthy();
  await waitFor(() => {
    expect(fake.asked('POST /auth/logout')).toHaveLength(1);
  });
});

test('a setting that is wrong is named on the page', async () => {
  renderApp('shop.example');
  expect(await screen.findByText(/EXPO_PUBLIC_API_URL in the environment is "shop.example"/)).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Try again' })).toBeTruthy();
});
