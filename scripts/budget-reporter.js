'use strict';

// Tells the seed of all random cases, and which suites took longer than the minutes that __tests__/budgets.json gives them; in
// CI that fails the run.
const path = require('node:path');

module.exports = class BudgetReporter {
  #over = [];
  #options;

  constructor(_config, options) {
    this.#options = options;
  }

  onRunStart() {
    console.error(`random cases: FC_SEED=${this.#options.seed}`);
  }

  onTestResult({ context }, { testFilePath, perfStats }) {
    const suite = path.relative(path.join(context.config.rootDir, '__tests__'), testFilePath).replaceAll(path.sep, '/');
    const budget = this.#options.minutes[suite];
    const took = (perfStats.end - perfStats.start) / 60_000;
    if (budget !== undefined && took > budget) this.#over.push(`${suite} took ${took.toFixed(2)} min of ${budget}`);
  }

  onRunComplete() {
    for (const each of this.#over) console.error(`over its budget: ${each}`);
  }

  getLastError() {
    if (process.env.CI && this.#over.length > 0) return new Error(`over budget: ${this.#over.join('; ')}`);
  }
};
