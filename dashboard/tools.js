import { Sparkline } from './charts.js';
import { arrange, element, nameElement, setAttribute, setText } from './dom.js';
import { count, percent, rate, seconds } from './format.js';

/** More rows would make the page slow. */
const MAX_ROWS = 50;

/** The sortable columns. Numbers sort in descending order first. */
const COLUMNS = [
  { label: 'Tool', of: ([name]) => name },
  { label: 'Calls/s', of: ([, stats]) => stats.qps_5s, format: rate },
  { label: 'Calls', of: ([, stats]) => stats.total_requests, format: count },
  { label: 'p50', of: ([, stats]) => stats.p50_duration, format: seconds },
  { label: 'p95', of: ([, stats]) => stats.p95_duration, format: seconds },
  { label: 'p99', of: ([, stats]) => stats.p99_duration, format: seconds },
  { label: 'Success', of: ([, stats]) => stats.success_rate, format: percent },
  { label: 'Running', of: ([, stats]) => stats.current_concurrent, format: count },
];
const [NAME, ...NUMBERS] = COLUMNS;

/** The tools that have been called, sorted by any column. */
export class Tools {
  #heads = new Map();
  #body = element('tbody', { role: 'rowgroup' });
  #rows = new Map();
  #sorted;
  #shown;
  #filter;
  #column = COLUMNS[2];
  #descending = true;
  #latest;

  constructor({ table, filter, sorted, shown }) {
    this.#sorted = sorted;
    this.#shown = shown;
    this.#filter = filter;
    filter.addEventListener('input', () => this.#draw());
    const trend = element('th', { scope: 'col', role: 'columnheader', 'data-label': 'Trend' }, 'Trend');
    const [name, ...numbers] = COLUMNS.map((column) => this.#head(column));
    const row = element('tr', { role: 'row' }, name, trend, ...numbers);
    table.append(element('thead', { role: 'rowgroup' }, row), this.#body);
    this.#mark();
  }

  show({ performance }, history) {
    const tools = Object.entries(performance).filter(([name]) => name !== 'overall');
    this.#latest = { tools, history };
    this.#draw();
  }

  #head(column) {
    const button = element('button', { type: 'button' }, column.label);
    button.addEventListener('click', () => this.#sortBy(column));
    const head = element('th', { scope: 'col', role: 'columnheader' }, button);
    this.#heads.set(column, head);
    return head;
  }

  #sortBy(column) {
    this.#descending = column === this.#column ? !this.#descending : column !== NAME;
    this.#column = column;
    this.#mark();
    setText(this.#sorted, `Sorted by ${column.label}, ${this.#direction}`);
    this.#draw();
  }

  get #direction() {
    return this.#descending ? 'descending' : 'ascending';
  }

  #mark() {
    for (const [column, head] of this.#heads) {
      if (column === this.#column) head.setAttribute('aria-sort', this.#direction);
      else head.removeAttribute('aria-sort');
    }
  }

  #draw() {
    if (!this.#latest) return;
    const { tools, history } = this.#latest;
    const wanted = this.#filter.value.trim().toLowerCase();
    const found = tools.filter(([name]) => name.toLowerCase().includes(wanted)).sort((a, b) => this.#compare(a, b));
    const shown = found.slice(0, MAX_ROWS);
    this.#drop(new Set(shown.map(([name]) => name)));
    const lines = shown.map(([name, stats]) => {
      const row = this.#rows.get(name) ?? new Row(name);
      this.#rows.set(name, row);
      row.show([name, stats], history);
      return row.line;
    });
    arrange(this.#body, lines);
    const all = `${count(tools.length)} ${tools.length === 1 ? 'tool has' : 'tools have'} been called`;
    const part = `the first ${count(shown.length)} of ${count(found.length)} are shown, in this order`;
    setText(this.#shown, shown.length < found.length ? `${all}; ${part}` : all);
  }

  #compare(a, b) {
    const { of } = this.#column;
    const [first, second] = this.#descending ? [b, a] : [a, b];
    const difference = this.#column === NAME ? of(first).localeCompare(of(second)) : of(first) - of(second);
    // Equal rows keep their order between snapshots.
    return difference || a[0].localeCompare(b[0]);
  }

  #drop(wanted) {
    for (const [name, row] of this.#rows) {
      if (wanted.has(name)) continue;
      row.trend.remove();
      this.#rows.delete(name);
    }
  }
}

class Row {
  trend = new Sparkline((value) => `${rate(value)} calls a second`);
  line;
  #cells;

  constructor(name) {
    this.#cells = NUMBERS.map(({ label }) => element('td', { role: 'cell', 'data-label': label }));
    const head = element('th', { scope: 'row', role: 'rowheader' }, nameElement(name));
    const trend = element('td', { role: 'cell', 'data-label': 'Trend' }, this.trend.picture);
    this.line = element('tr', { role: 'row' }, head, trend, ...this.#cells);
  }

  show(entry, history) {
    NUMBERS.forEach(({ of, format }, index) => setText(this.#cells[index], format(of(entry))));
    setAttribute(this.line, 'data-failing', String(entry[1].total_requests > 0 && entry[1].success_rate < 95));
    this.trend.show(history, `rate ${entry[0]}`);
  }
}
