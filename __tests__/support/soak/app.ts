import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type RecordableHistogram, createHistogram } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { type McpoOptions, mcpoRouter } from '../../../lib';
import { onResponseEnd } from '../../../lib/http/disconnect';
import { inPlainHttp } from '../hosts';
import { silent } from '../loggers';

/** What there is in the app at one moment. */
export interface Sample {
  /** Bytes of use after a garbage collection. */
  readonly held: number;
  readonly rss: number;
  /** Sockets, pipes, processes, timers and whatever else keeps an event loop alive, but the connections of clients. */
  readonly handles: number;
  /** Calls that have begun and not ended. */
  readonly running: number;
}

/** What the app has seen since it was last asked, times in milliseconds. */
export interface Report {
  readonly requests: number;
  readonly answered: number;
  /** Those whose client closed the connection before. */
  readonly left: number;
  readonly rejected: number;
  /** From the arrival of a request that is rejected to the end of its answer. */
  readonly rejectedP99: number;
  readonly loopDelayP99: number;
  /** The same, as far as the app computed, and did not wait for its turn on a busy machine. */
  readonly ownDelayP99: number;
  readonly loopDelayMax: number;
  readonly warnings: readonly string[];
}

const warnings: string[] = [];
process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`));

const [delays, ownDelays] = [createHistogram(), createHistogram()];
const rejections = createHistogram();
const counts = { requests: 0, answered: 0, left: 0, rejected: 0 };
let collectedAt = 0;

function watch(req: IncomingMessage, res: ServerResponse): void {
  const begun = performance.now();
  counts.requests += 1;
  onResponseEnd(req, res, () => {
    if (res.writableFinished) counts.answered += 1;
    else counts.left += 1;
    if (!res.writableFinished || res.statusCode !== 503) return;
    counts.rejected += 1;
    if (begun > collectedAt) record(rejections, performance.now() - begun);
  });
}

/**
 * Measures the time between ticks of 10 ms, as `monitorEventLoopDelay` does. That can leave out neither the garbage
 * collections that are the test's own, nor the time in which others had the machine.
 */
function watchLoop(): void {
  let [last, lastCpu] = [performance.now(), cpuMs()];
  setInterval(() => {
    const [now, cpu] = [performance.now(), cpuMs()];
    if (last > collectedAt) {
      record(delays, now - last);
      record(ownDelays, Math.min(now - last, cpu - lastCpu));
    }
    [last, lastCpu] = [now, cpu];
  }, 10);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1_000)));
}

function report(): Report {
  const answer = {
    ...counts,
    rejectedP99: rejections.percentile(99) / 1_000,
    loopDelayP99: delays.percentile(99) / 1_000,
    ownDelayP99: ownDelays.percentile(99) / 1_000,
    loopDelayMax: delays.max / 1_000,
    warnings,
  };
  Object.assign(counts, { requests: 0, answered: 0, left: 0, rejected: 0 });
  rejections.reset();
  delays.reset();
  ownDelays.reset();
  return answer;
}

/** A whole app: tells its parent its address, and when asked how it is doing. Needs `--expose-gc`. */
async function main(options: McpoOptions): Promise<void> {
  const mcpo = mcpoRouter({ ...options, logger: silent });
  await mcpo.ready();
  // A client that reuses a connection at the moment in which it is closed is reset, which says nothing of the app.
  const { url, server } = await inPlainHttp.mount(mcpo, { keepAliveTimeout: 60_000 });
  server.prependListener('request', watch);
  watchLoop();
  const connections = promisify(server.getConnections.bind(server));
  const sample = async (): Promise<Sample> => {
    globalThis.gc?.();
    collectedAt = performance.now();
    const { rss, heapUsed, external } = process.memoryUsage();
    const handles = process.getActiveResourcesInfo().length - (await connections());
    return { held: heapUsed + external, rss, handles, running: mcpo.stats.running };
  };
  process.on('message', (order) => {
    if (order === 'report') process.send?.(report());
    else void sample().then((answer) => process.send?.(answer));
  });
  process.once('disconnect', () => process.exit());
  process.send?.(url);
}

void main(JSON.parse(process.argv[2] ?? '') as McpoOptions);
