import { type Report, digits } from './report';

const BAR = 22;
const GAP = 8;
const LABEL = 230;
const WIDTH = 720;

/** Throughput at 32 connections as bars, for the documents: one group for each comparison that it is about. */
export function chart(reports: ReadonlyMap<string, Report>): string {
  const lines: string[] = [];
  let y = 10;
  for (const name of ['cache-hit', 'call-through', 'call-through-http']) {
    const report = reports.get(name);
    const rows = report?.rows.filter(({ connections }) => connections === 32) ?? [];
    if (!report || rows.length === 0) continue;
    const most = Math.max(...rows.map(({ perSecond }) => perSecond));
    y += 20;
    lines.push(text(0, y, `${report.title}, requests/s at 32 connections`, 'font-weight="600"'));
    y += GAP;
    for (const { candidate, perSecond } of rows) {
      const width = Math.max(1, ((WIDTH - LABEL - 90) * perSecond) / most);
      const fill = candidate.startsWith('express-mcpo') ? '#2563eb' : '#94a3b8';
      lines.push(text(LABEL - 10, y + 16, candidate, 'text-anchor="end"'));
      lines.push(`<rect x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="3" fill="${fill}"/>`);
      lines.push(text(LABEL + width + 8, y + 16, digits(perSecond)));
      y += BAR + GAP;
    }
    y += 14;
  }
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" font-family="sans-serif" font-size="13">`;
  const ground = `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`;
  return `${[head, '<title>Benchmarks</title>', ground, ...lines].join('\n')}\n</svg>\n`;
}

function text(x: number, y: number, words: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y}" fill="#0f172a" ${more}>${words.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</text>`;
}
