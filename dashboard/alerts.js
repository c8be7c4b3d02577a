import { arrange, element } from './dom.js';
import { time } from './format.js';

/** The active alerts. */
export class Alerts {
  #list;
  #none;
  #items = new Map();

  constructor(list, none) {
    this.#list = list;
    this.#none = none;
  }

  show({ alerts }) {
    const items = new Map();
    // Errors before warnings, older alerts before newer ones.
    const order = alerts.toSorted((a, b) => a.level.localeCompare(b.level) || a.since - b.since);
    for (const alert of order) {
      const key = JSON.stringify([alert.kind, alert.name, alert.since]);
      items.set(key, this.#items.get(key) ?? itemOf(alert));
    }
    this.#items = items;
    arrange(this.#list, [...items.values()]);
    this.#none.hidden = items.size > 0;
  }
}

function itemOf({ level, message, since }) {
  const word = level === 'error' ? 'Error' : 'Warning';
  const badge = element('span', { class: 'badge', 'data-state': level }, word);
  return element(
    'li',
    {},
    badge,
    element('bdi', {}, message),
    element('span', { class: 'quiet' }, `since ${time(since)}`),
  );
}
