const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const calendar = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** The placeholder of an unknown number. */
export const UNKNOWN = '–';

export function count(value) {
  return value < 100_000 ? whole.format(value) : compact.format(value);
}

/** A rate per second, without its unit. */
export function rate(value) {
  return value < 100 ? short.format(value) : count(value);
}

export function percent(value) {
  return value === undefined || value === null ? UNKNOWN : `${short.format(floored(value))} %`;
}

/** Never rounds up to 100: 99.96 is not all. */
function floored(value) {
  return Math.floor(value * 10) / 10;
}

export function seconds(value) {
  if (value === undefined || value === null) return UNKNOWN;
  if (value === 0) return '0 ms';
  if (value < 0.001) return `${Number((value * 1000).toPrecision(2))} ms`;
  if (value < 1) return `${short.format(value * 1000)} ms`;
  return `${short.format(value)} s`;
}

export function bytes(value) {
  if (value < 1024) return `${whole.format(value)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length, Math.floor(Math.log2(value) / 10));
  return `${short.format(value / 1024 ** power)} ${units[power - 1]}`;
}

/** A time in the local time zone; with the date if it is not of the last hours. */
export function time(moment) {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return UNKNOWN;
  return (Math.abs(Date.now() - date) < 12 * 3_600_000 ? clock : calendar).format(date);
}
