import { Chart } from './charts.js';
import { element, setAttribute, setText } from './dom.js';
import { UNKNOWN, bytes, count, percent, rate, seconds } from './format.js';

/** The headline numbers: label, value, and the text below. */
const NUMBERS = {
  Throughput: ({ performance: { overall } }) => [
    `${rate(overall.qps_1s)} /s`,
    `${count(overall.total_requests)} calls so far`,
  ],
  'Latency, p95': ({ performance: { overall } }) =>
    overall.total_requests === 0
      ? [UNKNOWN, 'no calls yet']
      : [seconds(overall.p95_duration), `half of them within ${seconds(overall.p50_duration)}`],
  Success: ({ performance: { overall } }) =>
    overall.total_requests === 0 ? [UNKNOWN, 'no calls yet'] : [percent(overall.success_rate), 'of the latest calls'],
  'Cache hit rate': ({ cache }) => cacheNumbers(Object.values(cache)),
  Running: ({ concurrency }) => [
    count(concurrency.current_concurrent),
    `of ${count(concurrency.max_concurrent)} at most; peak ${count(concurrency.peak_concurrent)}`,
  ],
  Waiting: ({ concurrency, pools }) => [
    count(concurrency.waiting),
    `for a permit; ${count(sum(Object.values(pools), 'waiting'))} for a connection`,
  ],
};

function cacheNumbers(caches) {
  const [hits, misses] = [sum(caches, 'hits'), sum(caches, 'misses')];
  const kept = `${count(sum(caches, 'current_size'))} results, ${bytes(sum(caches, 'memory_usage'))}`;
  return [hits + misses === 0 ? UNKNOWN : percent((100 * hits) / (hits + misses)), kept];
}

function sum(objects, name) {
  return objects.reduce((total, object) => total + (object[name] ?? 0), 0);
}

/** The headline numbers and the charts. */
export class Overview {
  #numbers = [];
  #charts;

  constructor(list, charts) {
    for (const [name, read] of Object.entries(NUMBERS)) {
      const [value, note] = [element('dd', { class: 'big' }), element('dd', { class: 'quiet' })];
      list.append(element('div', { class: 'panel' }, element('dt', {}, name), value, note));
      this.#numbers.push({ read, value, note });
    }
    const perSecond = (value) => `${rate(value)} /s`;
    const latencies = [
      { column: 'p50', label: 'p50', colour: 'green' },
      { column: 'p95', label: 'p95', colour: 'blue' },
      { column: 'p99', label: 'p99', colour: 'orange', dashed: true },
    ];
    const calls = [
      { column: 'running', label: 'running', colour: 'blue' },
      { column: 'waiting', label: 'waiting', colour: 'orange', dashed: true },
    ];
    this.#charts = [
      new Chart(charts, 'Throughput', [{ column: 'rate overall', label: 'calls', colour: 'blue' }], {
        format: perSecond,
      }),
      new Chart(charts, 'Latency', latencies, { format: seconds, smallest: 0.001 }),
      new Chart(charts, 'Cache hit rate', [{ column: 'hits', label: 'hits', colour: 'green' }], {
        format: percent,
        top: 100,
      }),
      new Chart(charts, 'Calls', calls, { format: count, smallest: 4, whole: true }),
    ];
  }

  show(snapshot, history) {
    for (const { read, value, note } of this.#numbers) {
      const [text, below] = read(snapshot);
      setText(value, text);
      setText(note, below);
    }
    for (const chart of this.#charts) chart.show(history);
  }
}

/** The title of the tools and the overall state. */
export function showHead(title, badge, snapshot) {
  setText(title, snapshot.title);
  document.title = `${snapshot.title}: dashboard`;
  setText(badge, snapshot.connection.status);
  setAttribute(badge, 'data-state', snapshot.connection.status);
}
