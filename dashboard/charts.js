import { element, setAttribute, setText } from './dom.js';

/** Colours of the style sheet, read once for light and once for dark. */
const colours = new Map();
const drawn = new Set();

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  colours.clear();
  for (const plot of drawn) plot.redraw();
});

function colour(name) {
  if (!colours.has(name)) {
    colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  }
  return colours.get(name);
}

const FONT = '12px system-ui, sans-serif';
const axis = {
  stroke: () => colour('quiet'),
  font: FONT,
  grid: { stroke: () => colour('line'), width: 1 },
  ticks: { show: false },
};

/** Steps of a scale of integers. */
const WHOLE = [0, 1, 2, 3, 4, 5].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));

/** From 0 to the maximum, never empty. */
const fromZero = (smallest) => (_plot, _min, max) => [0, Math.max(smallest, (max ?? 0) * 1.15)];

/** Describes a line in words. */
function inWords(values, format, span) {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return 'nothing yet';
  const [low, high] = [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))];
  const last = values.at(-1);
  const now = last === null ? 'nothing' : format(last);
  return `${now} now, between ${format(low)} and ${format(high)} in the last ${span} seconds`;
}

/** A chart of some columns of the history, with a legend that shows the latest values. */
export class Chart {
  #lines;
  #format;
  #title;
  #plot;
  #picture;
  #values;
  #span = 0;

  /**
   * @param lines - column, label, name of the colour, and whether dashed, of each line
   * @param options - `format` of a value; `smallest` maximum of the scale, or its fixed `top`; `whole`: integers only
   */
  constructor(parent, title, lines, { format, smallest = 1, top, whole = false }) {
    this.#lines = lines;
    this.#format = format;
    this.#title = title;
    this.#values = lines.map(() => element('b', { class: 'value' }, '–'));
    const legend = lines.map(({ label, colour: name, dashed }, index) =>
      element(
        'li',
        {},
        element('i', { class: `swatch ${name}${dashed ? ' dashed' : ''}` }),
        label,
        this.#values[index],
      ),
    );
    this.#picture = element('div', { class: 'chart', role: 'img' });
    const caption = element('figcaption', {}, element('h3', {}, title), element('ul', { class: 'legend' }, ...legend));
    parent.append(element('figure', { class: 'panel' }, caption, this.#picture));
    const y = top === undefined ? fromZero(smallest) : [0, top];
    this.#plot = new uPlot(this.#options(lines, format, y, whole), [[], ...lines.map(() => [])], this.#picture);
    drawn.add(this.#plot);
    new ResizeObserver(([{ contentRect }]) => {
      this.#plot.setSize({ width: Math.max(1, contentRect.width), height: contentRect.height });
    }).observe(this.#picture);
  }

  /** Redraws the chart. */
  show(history) {
    const data = history.data(...this.#lines.map(({ column }) => column));
    this.#span = history.span;
    this.#plot.setData(data);
    const words = this.#lines.map(({ label, column }, index) => {
      const latest = history.latest(column);
      setText(this.#values[index], latest === undefined ? '–' : this.#format(latest));
      return `${label} ${inWords(data[index + 1], this.#format, history.span)}`;
    });
    setAttribute(this.#picture, 'aria-label', `${this.#title}: ${words.join('; ')}`);
  }

  #options(lines, format, y, whole) {
    return {
      width: 300,
      height: 180,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, range: () => [-this.#span, 0] }, y: { range: y } },
      axes: [
        {
          ...axis,
          size: 30,
          gap: 8,
          incrs: [5, 10, 15, 30, 60],
          values: (_plot, times) => times.map((t) => (t === 0 ? 'now' : `−${-t} s`)),
        },
        {
          ...axis,
          ...(whole && { incrs: WHOLE }),
          size: 60,
          values: (_plot, values) => values.map((value) => format(value)),
        },
      ],
      series: [
        {},
        ...lines.map(({ colour: name, dashed }) => ({
          stroke: () => colour(name),
          width: 2,
          points: { show: false },
          ...(dashed ? { dash: [6, 4] } : { fill: () => (lines.length === 1 ? colour(`${name}-fill`) : null) }),
        })),
      ],
    };
  }
}

/** A small chart without axes, for a table cell. */
export class Sparkline {
  #format;
  #plot;
  #span = 0;
  /** The element. */
  picture = element('div', { class: 'spark', role: 'img' });

  constructor(format) {
    this.#format = format;
    const hidden = { show: false };
    const line = { stroke: () => colour('blue'), fill: () => colour('blue-fill'), width: 1.5, points: hidden };
    const options = {
      width: 120,
      height: 28,
      padding: [2, 0, 2, 0],
      legend: hidden,
      cursor: hidden,
      scales: { x: { time: false, range: () => [-this.#span, 0] }, y: { range: fromZero(1) } },
      axes: [hidden, hidden],
      series: [{}, line],
    };
    this.#plot = new uPlot(options, [[], []], this.picture);
    drawn.add(this.#plot);
  }

  show(history, column) {
    const data = history.data(column);
    this.#span = history.span;
    this.#plot.setData(data);
    setAttribute(this.picture, 'aria-label', inWords(data[1], this.#format, history.span));
  }

  /** To be called when its row has been removed. */
  remove() {
    drawn.delete(this.#plot);
    this.#plot.destroy();
  }
}
