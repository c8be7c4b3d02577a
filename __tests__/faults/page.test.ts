import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CASES } from '../support/faults/cases';
import { answerOf } from '../support/faults/table';

it('docs/faults.md lists exactly the cases that there are, with what is answered', () => {
  const page = readFileSync(path.join(__dirname, '../../docs/faults.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) => row.split(' | '));
  const listed = rows.slice(2).map(([where, name, answer, , , left]) => [where, name, answer, left]);
  expect(listed).toEqual(CASES.map(({ where, name, told }) => [where, name, answerOf(told), 'nothing']));
  expect(new Set(CASES.map(({ where, name }) => `${where} ${name}`)).size).toBe(CASES.length);
});
