import { type Report, digits, goalOf, isMet, markdown } from './report';

const BEGIN = '<!-- begin: written by npm run bench -->';
const END = '<!-- end -->';

/** A page with what was measured last, in the order of the scenarios, in place of what stood there. */
export function withSummary(page: string, reports: readonly Report[]): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error('the page has no place for the figures');
  return `${page.slice(0, begin + BEGIN.length)}\n\n${summary(reports)}\n\n${page.slice(end)}`;
}

function summary(reports: readonly Report[]): string {
  const rows = reports.flatMap(({ title, findings }) =>
    findings.map((finding, n) => [
      n === 0 ? title : '',
      finding.what,
      `${digits(finding.value)} ${finding.unit}${isMet(finding) ? '' : ' (**missed**)'}`,
      goalOf(finding),
    ]),
  );
  const measured = [...new Set(reports.map(({ date, machine }) => `${date}: ${machine}.`))].join('\n');
  return `${markdown(['benchmark', 'figure', 'measured', 'goal'], rows)}\n\nMeasured on ${measured}`;
}
