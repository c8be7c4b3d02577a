import type { AddressInfo } from 'node:net';
import { trace } from '@opentelemetry/api';
import express from 'express';
import { type CallLayer, type Logger, type McpoOptions, type McpoRouter, mcpoRouter } from '../../lib';
import { ConnectionPool } from '../../lib/parts';
import { redisFleet } from '../../lib/redis';
import { AsyncStore } from './async-store';
import { Lab, text } from './lab';
import { silent } from './loggers';

/** An app whose own code goes wrong in every way, in a process that an unhandled rejection ends. */

const boom = (): never => {
  throw new Error('boom of the host');
};
const reject = async (): Promise<never> => boom();

class Own {
  readonly value = 1;
}

/** What a reviver of the host makes of a value. */
const MADE: Readonly<Record<string, () => unknown>> = {
  date: () => new Date(0),
  map: () => new Map([['a', 1]]),
  instance: () => new Own(),
  symbol: () => Symbol('a'),
  function: () => boom,
  throwing: () => Object.defineProperty({}, 'a', { enumerable: true, get: boom }),
  circular: () => {
    const value: Record<string, unknown> = {};
    value.list = [{ value }];
    return value;
  },
};

const LOGGERS = {
  throwing: { debug: boom, info: boom, warn: boom, error: boom },
  rejecting: { debug: reject, info: reject, warn: reject, error: reject },
} as const;

const lab = (): Lab =>
  new Lab()
    .tool('read', ({ args }) => text(JSON.stringify(args)), { annotations: { readOnlyHint: true } })
    .tool('write', ({ args }) => text(JSON.stringify(args)))
    .tool('strict', () => text('1'), { inputSchema: { type: 'object', required: ['a'] } });

const app = express();
const ready: Promise<void>[] = [];

function mount(path: string, options: Partial<McpoOptions> = {}): McpoRouter {
  const mcpo = mcpoRouter({ servers: { lab: { connect: lab().connect } }, logger: silent, ...options });
  ready.push(mcpo.ready());
  app.use(path, mcpo);
  return mcpo;
}

const asyncStore = { store: (init: { readonly maxEntryBytes: number }) => new AsyncStore(init) };

function bodies(): void {
  app.use(
    express.json({
      reviver: (_key, value: unknown) => (typeof value === 'string' ? MADE[value]?.() : undefined) ?? value,
    }),
  );
  mount('/memory');
  mount('/async', { cache: asyncStore });
  mount('/off', { cache: false, share: false });
}

const LAYERS: Readonly<Record<string, CallLayer>> = {
  throwing: boom,
  rejecting: reject,
  'throwing-after': async (call, next) => {
    await next(call);
    return boom();
  },
  'answering-nothing': (async () => undefined) as unknown as CallLayer,
  'changing-the-call': ((call: object, next: (call: unknown) => Promise<unknown>) => next({ ...call })) as CallLayer,
};

function layers(): void {
  for (const [name, layer] of Object.entries(LAYERS)) {
    mount(`/${name}`, { cache: asyncStore, authorize: async () => true, use: [layer] });
  }
}

function loggers(): void {
  for (const [name, logger] of Object.entries(LOGGERS)) {
    mount(`/${name}`, {
      logger: logger as unknown as Logger,
      cache: asyncStore,
      monitor: { windowSize: 1, alerts: { slowSeconds: 1e-9 } },
      principal: (req) => (req.headers['x-fail'] ? boom() : 'ann'),
    });
  }
}

/** With hooks that only listen, which throw or reject as `fail` does. */
function listening(path: string, fail: () => unknown): void {
  const { monitor, cache } = mount(path, { monitor: { windowSize: 1, alerts: { slowSeconds: 1e-9 } } });
  monitor.on('alert', fail);
  for (const event of ['hit', 'miss', 'set', 'evict'] as const) cache.default.on(event, fail);
  app.use(`${path}-parts`, (_req, res) => {
    const pool = new ConnectionPool(async () => boom(), { onEvent: fail, minConnections: 1 });
    const work = [pool.start(), pool.use(reject)];
    void Promise.allSettled(work).then(async (ends) => {
      await pool.close();
      res.json(ends.map(({ status }) => status));
    });
  });
}

function redis(): void {
  for (const [name, logger] of Object.entries(LOGGERS)) {
    let probes = 0;
    const fleet = redisFleet({
      sendCommand: async ([command]) => {
        if (command === 'SET') probes += 1;
        return boom();
      },
      subscribe: reject,
      logger,
    });
    app.use(`/${name}-probes`, (_req, res) => {
      const look = (): void => {
        if (probes > 1) res.json('tried');
        else setTimeout(look, 20);
      };
      look();
    });
    mount(`/${name}`, { cache: { store: fleet.store }, share: { fleet: fleet.flights } });
  }
}

function tracing(): void {
  const span = {
    spanContext: () => ({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 }),
    setAttributes: boom,
    setStatus: boom,
    end: boom,
  };
  let calls = 0;
  const startSpan = (): unknown => (calls++ % 2 === 0 ? boom() : span);
  trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan: boom }) as never });
  mount('/lab');
}

const kinds: Readonly<Record<string, () => void>> = {
  bodies,
  layers,
  loggers,
  listeners: () => {
    listening('/throwing', boom);
    listening('/rejecting', reject);
  },
  redis,
  tracing,
};
kinds[process.argv[2] ?? '']?.();
app.use('/warnings', (_req, res) => {
  setImmediate(() => res.json(warnings));
});
const warnings: string[] = [];
process.on('warning', ({ message }) => warnings.push(message));

void Promise.all(ready).then(() => {
  const server = app.listen(0, '127.0.0.1', () => {
    process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
});
