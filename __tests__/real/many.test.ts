import request from 'supertest';
import { type Logger, mcpoRouter } from '../../lib';
import type { OpenApiDocument } from '../../lib/pages/openapi/document';
import { inExpress5 } from '../support/hosts';
import { silent } from '../support/loggers';
import { dialectErrors, openApiErrors } from '../support/openapi-validators';
import { INSTALL_MS, install } from './install';
import { Running, type Started } from './running';
import { REAL_SERVERS } from './servers';

const SERVERS = 40;

const running = new Running();
beforeAll(() => install(REAL_SERVERS), INSTALL_MS);
afterEach(() => running.end(), 60_000);

it(`${String(SERVERS)} servers in one app all come up, each at its first start, and their documents are valid`, async () => {
  const kinds = REAL_SERVERS.filter(({ url }) => url === undefined);
  const started: (Started & { name: string; calls: (typeof kinds)[number]['calls'] })[] = [];
  for (let copy = 1; started.length < SERVERS; copy += 1) {
    for (const kind of kinds.slice(0, SERVERS - started.length)) {
      started.push({ ...(await running.start(kind)), name: `${kind.name}-${String(copy)}`, calls: kind.calls });
    }
  }
  const warnings: unknown[] = [];
  const warn = (...what: readonly unknown[]): void => {
    warnings.push(what);
  };
  const logger: Logger = { ...silent, warn, error: warn };
  const mcpo = mcpoRouter({
    servers: Object.fromEntries(started.map(({ name, options }) => [name, options])),
    logger,
  });
  running.onEnd(() => mcpo.close());
  const { url, close } = await inExpress5.mount(mcpo);
  running.onEnd(close);
  await mcpo.ready();

  // A server that was ended for being slow, and tried again, has said so.
  expect(warnings).toEqual([]);
  const states = Object.entries(mcpo.stats.servers).map(([name, { state }]) => [name, state]);
  expect(states).toEqual(started.map(({ name }) => [name, 'up']));
  for (const { name, calls, filled } of started) {
    const [first] = calls;
    if (!first) throw new Error(`${name} has no calls`);
    const answer = await request(url).post(`/${name}/${first.tool}`).send(filled(first.arguments));
    expect({ name, status: answer.status, problem: answer.status === 200 ? '' : answer.text }).toEqual({
      name,
      status: 200,
      problem: '',
    });
  }

  const document = (await request(url).get('/openapi.json')).body as OpenApiDocument;
  expect(Object.keys(document.paths)).toHaveLength(
    Object.values(mcpo.stats.servers).reduce((sum, { tools }) => sum + tools, 0),
  );
  expect(await openApiErrors(document)).toEqual([]);
  expect(dialectErrors(document)).toEqual([]);
}, 240_000);
