import { loadConfig } from '../src/config';

const fromFile = (response: Response) =>
  loadConfig({ file: '/config.json' }, () => Promise.resolve(response));
const noFetch = () => Promise.reject(new Error('not to be fetched'));

test('the file beside the export names the API and the shop', async () => {
  const file = '{"EXPO_PUBLIC_API_URL":"https://shop.example/api/v1/","SHOP_NAME":"Corner Café"}';
  await expect(fromFile(new Response(file))).resolves.toEqual({
    apiUrl: 'https://shop.example/api/v1',
    shopName: 'Corner Café',
  });
});

test('a path means the server that the app comes from, and the shop has a default name', async () => {
  await expect(loadConfig({ variables: { EXPO_PUBLIC_API_URL: '/api/v1' } }, noFetch)).resolves.toEqual({
    apiUrl: '/api/v1',
    shopName: 'ZakPOS',
  });
});

test.each([
  ['{}', 'EXPO_PUBLIC_API_URL in /config.json is missing'],
  ['{"EXPO_PUBLIC_API_URL":"shop.example"}', 'EXPO_PUBLIC_API_URL in /config.json is "shop.example"'],
  ['{"EXPO_PUBLIC_API_URL":7}', '/config.json.EXPO_PUBLIC_API_URL should be a text and is number'],
  ['<html>', '/config.json is not JSON'],
])('%s is refused: %s', async (file, message) => {
  await expect(fromFile(new Response(file))).rejects.toThrow(message);
});

test('a file that is missing or out of reach is named', async () => {
  await expect(fromFile(new Response('', { status: 404 }))).rejects.toThrow('the server answered 404');
  await expect(loadConfig({ file: '/config.json' }, noFetch)).rejects.toThrow(
    "/config.json can't be fetched",
  );
});
