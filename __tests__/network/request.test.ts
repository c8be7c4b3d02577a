import { Canceller } from '../../lib/util/cancellation';
import { sendRequest } from '../../lib/network/request';
import { Started } from '../support/mcp-http';

const started = new Started();
afterEach(() => started.end());

const get = { method: 'GET', body: undefined };

it('leaves out headers that are about the connection', async () => {
  const seen: object[] = [];
  const { url } = await started.listen((req, res) => {
    seen.push(req.headers);
    res.end();
  });
  const headers = { 'keep-alive': 'timeout=5', expect: '100-continue', upgrade: 'h2c', 'x-own': 'é' };
  expect(await sendRequest(new URL(url), { ...get, headers }, new Canceller())).toMatchObject({ status: 200 });
  expect(seen).toEqual([expect.objectContaining({ 'x-own': 'é' })]);
  expect(seen[0]).not.toHaveProperty('upgrade');
});

it('sends nothing where a header holds a control character', async () => {
  const listener = jest.fn();
  const { url } = await started.listen(listener);
  const work = sendRequest(new URL(url), { ...get, headers: { 'last-event-id': '\u0001' } }, new Canceller());
  await expect(work).rejects.toThrow('the header last-event-id has invalid characters');
  expect(listener).not.toHaveBeenCalled();
});

it.each(['N\u00e3o', 'Not Found'])('understands the reason %s', async (reason) => {
  const { url } = await started.listen((_req, res) => res.writeHead(404, reason).end());
  const incoming = await sendRequest(new URL(url), { ...get, headers: {} }, new Canceller());
  const { status, statusText } = incoming;
  expect(new Response(null, { status, statusText }).status).toBe(404);
});
