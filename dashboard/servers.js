import { Sparkline } from './charts.js';
import { arrange, element, nameElement, setAttribute, setText } from './dom.js';
import { count, time } from './format.js';

const COLUMNS = ['Server', 'State', 'Busy', 'In use', 'Idle', 'Opening', 'Waiting', 'Errors', 'Breaker', 'Tools'];

/** The connection pools of the servers. */
export class Servers {
  #body = element('tbody', { role: 'rowgroup' });
  #rows = new Map();

  constructor(table) {
    const heads = COLUMNS.map((name) =>
      element('th', { scope: 'col', role: 'columnheader', 'data-label': name }, name),
    );
    const row = element('tr', { role: 'row' }, ...heads);
    table.append(element('thead', { role: 'rowgroup' }, row), this.#body);
  }

  show({ connection, pools }, history) {
    const names = Object.keys(connection.servers);
    for (const [name, row] of this.#rows) {
      if (names.includes(name)) continue;
      row.busy.remove();
      this.#rows.delete(name);
    }
    const rows = names.map((name) => {
      const row = this.#rows.get(name) ?? new Row(name);
      this.#rows.set(name, row);
      row.show(connection.servers[name], pools[name], history);
      return row.line;
    });
    arrange(this.#body, rows);
  }
}

class Row {
  #name;
  #state = element('span', { class: 'badge' });
  #since = element('span', { class: 'quiet' });
  #problem = element('bdi', { class: 'problem' });
  #cells = new Map();
  busy = new Sparkline((value) => `${count(value)} busy`);
  line;

  constructor(name) {
    this.#name = name;
    const head = element('th', { scope: 'row', role: 'rowheader' }, nameElement(name), this.#problem);
    const contents = { State: [this.#state, this.#since], Busy: [this.busy.picture] };
    const cells = COLUMNS.slice(1).map((column) => {
      const cell = element('td', { role: 'cell', 'data-label': column }, ...(contents[column] ?? []));
      this.#cells.set(column, cell);
      return cell;
    });
    this.line = element('tr', { role: 'row' }, head, ...cells);
  }

  show({ state, since, tools, errors, lastError }, { idle, busy, opening, waiting, breaker }, history) {
    setText(this.#state, state);
    setAttribute(this.#state, 'data-state', state);
    setText(this.#since, `since ${time(since)}`);
    setText(this.#problem, state === 'up' ? '' : (lastError ?? ''));
    const numbers = { 'In use': busy, Idle: idle, Opening: opening, Waiting: waiting, Errors: errors, Tools: tools };
    for (const [column, value] of Object.entries(numbers)) setText(this.#cells.get(column), count(value));
    setText(this.#cells.get('Breaker'), breaker);
    this.busy.show(history, `busy ${this.#name}`);
  }
}
