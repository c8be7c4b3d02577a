/** The periods of the charts, in seconds: they grow while the page is open, up to the last. */
const SPANS = [30, 60, 120];
const SPAN = SPANS.at(-1);
/** A longer gap between snapshots interrupts a line, in seconds. */
const GAP = 3;
/** The period of the hit rate in the chart, in seconds. */
const HIT_SPAN = 10;

/** The snapshots of the last two minutes, as columns for the charts. */
export class History {
  /** Times in seconds and values, all of one length. */
  #times = [];
  #columns = new Map();
  #lookups = [];

  /** Adds a snapshot. */
  add(snapshot) {
    const now = Date.parse(snapshot.timestamp) / 1000;
    const last = this.#times.at(-1);
    if (last !== undefined && now <= last) return;
    if (last !== undefined && now - last > GAP) this.#append((last + now) / 2, new Map());
    this.#append(now, this.#numbers(snapshot, now));
    const keep = this.#times.findIndex((time) => time >= now - SPAN - 1);
    this.#times.splice(0, keep);
    for (const [name, column] of this.#columns) {
      column.splice(0, keep);
      if (column.every((value) => value === null)) this.#columns.delete(name);
    }
  }

  /** The times as seconds before the latest, and these columns: the form of uPlot. */
  data(...names) {
    const now = this.#times.at(-1) ?? 0;
    const nothing = () => this.#times.map(() => null);
    return [this.#times.map((time) => time - now), ...names.map((name) => this.#columns.get(name) ?? nothing())];
  }

  /** The period of the charts in seconds. */
  get span() {
    const known = this.#times.length === 0 ? 0 : this.#times.at(-1) - this.#times[0];
    return SPANS.find((span) => known <= span) ?? SPAN;
  }

  /** The latest number of a column. */
  latest(name) {
    return this.#columns.get(name)?.at(-1) ?? undefined;
  }

  #append(time, numbers) {
    for (const name of numbers.keys()) {
      if (!this.#columns.has(name))
        this.#columns.set(
          name,
          this.#times.map(() => null),
        );
    }
    for (const [name, column] of this.#columns) column.push(numbers.get(name) ?? null);
    this.#times.push(time);
  }

  #numbers({ performance, concurrency, cache, pools }, now) {
    const numbers = new Map([
      ['running', concurrency.current_concurrent],
      ['waiting', concurrency.waiting],
      ['hits', this.#hitRate(Object.values(cache), now)],
    ]);
    for (const [name, stats] of Object.entries(performance)) numbers.set(`rate ${name}`, stats.qps_1s);
    for (const [name, { busy }] of Object.entries(pools)) numbers.set(`busy ${name}`, busy);
    const { total_requests: total, ...overall } = performance.overall;
    for (const name of ['p50', 'p95', 'p99']) numbers.set(name, total === 0 ? null : overall[`${name}_duration`]);
    return numbers;
  }

  /** Hits in percent of the latest look-ups; unknown without any. */
  #hitRate(caches, time) {
    const sum = (name) => caches.reduce((total, cache) => total + cache[name], 0);
    const now = { time, hits: sum('hits'), misses: sum('misses') };
    this.#lookups = [...this.#lookups.filter((entry) => entry.time >= time - HIT_SPAN), now];
    const [{ hits, misses }] = this.#lookups;
    const asked = now.hits - hits + now.misses - misses;
    return asked === 0 ? null : (100 * (now.hits - hits)) / asked;
  }
}
