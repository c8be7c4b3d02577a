import { type FaultCase, FaultRunner, type Finding } from '../support/faults/site';
import { CASES } from '../support/faults/cases';
import { writeTable } from '../support/faults/table';

const runner = new FaultRunner();
const findings = new Map<FaultCase, Finding>();
beforeAll(() => runner.start());
afterAll(async () => {
  await runner.end();
  writeTable(findings);
});

describe.each(['stdio', 'streamable HTTP', 'client'] as const)('a fault of %s', (where) => {
  const cases = CASES.filter((fault) => fault.where === where).map((fault) => [fault.name, fault] as const);

  it.each(cases)('%s', async (_name, fault) => {
    const finding = await runner.run(fault);
    findings.set(fault, finding);
    expect(finding).toMatchObject({ told: fault.told, disturbed: [], left: [] });
    expect(finding.told).toEqual(fault.told);
    expect(finding.others).toBeGreaterThan(0);
  });
});
