/** The samples of a Prometheus text, by name and labels exactly as they are written. */
export function samplesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** All samples of one metric, zeros left out. */
export function samplesNamed(text: string, name: string): Readonly<Record<string, number>> {
  const found = [...samplesOf(text)].filter(
    ([key, value]) => (key === name || key.startsWith(`${name}{`)) && value !== 0,
  );
  return Object.fromEntries(found.map(([key, value]) => [key.slice(name.length), value]));
}

/** Each value that a label has, as `metric label=value`. */
export function labelsOf(text: string): ReadonlySet<string> {
  return new Set(
    [...samplesOf(text).keys()].flatMap((key) => {
      const [name = ''] = key.split('{', 1);
      return [...key.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, value]) => `${name} ${label}=${value}`);
    }),
  );
}
