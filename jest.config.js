'use strict';

/**
 * Every suite, where it is run, and the minutes that it may take there on two cores: `npm test` runs what is quick,
 * `npm run test:all` that and the rest of what CI is to prove, `npm run test:nightly` what is run by hand. In CI a suite that
 * takes longer fails the run: what grows beyond its budget is halved, and one half goes to a slower tier. A suite with a
 * budget for the night too is larger there: `atScale()`.
 *
 * JavaScript and JSON, as each version of Node has its own ways with a configuration in TypeScript.
 */
const BUDGETS = require('./__tests__/budgets.json');

/** Random cases come from this seed, always the same: a test that fails for one change fails again for the same. */
const SEED = Number(process.env.FC_SEED ?? 178_456_555);

const { TIER } = process.env;
const minutesOf = ({ quick, all, nightly }) =>
  ({ quick, all: all ?? quick, nightly, undefined: all ?? quick ?? nightly })[TIER];
const suites = Object.keys(BUDGETS).filter((suite) => minutesOf(BUDGETS[suite]) !== undefined);
const minutes = Object.fromEntries(suites.map((suite) => [`${suite}.test.ts`, minutesOf(BUDGETS[suite])]));

/** @type {import('jest').Config} */
module.exports = {
  preset: 'ts-jest',
  testEnvironment: 'node',
  roots: ['<rootDir>/__tests__'],
  // Without a tier any suite can be run by its name.
  testMatch: TIER === undefined ? ['**/*.test.ts'] : suites.map((suite) => `<rootDir>/__tests__/${suite}.test.ts`),
  moduleNameMapper: {
    '^express-mcpo$': '<rootDir>/lib/index.ts',
    '^express-mcpo/redis$': '<rootDir>/lib/redis/index.ts',
    '^express-mcpo/parts$': '<rootDir>/lib/parts/index.ts',
  },
  globals: { SEED },
  reporters: ['default', ['<rootDir>/scripts/budget-reporter.js', { minutes, seed: SEED }]],
  collectCoverageFrom: ['lib/**/*.ts'],
  // The machines of CI are shared: how long a test takes is no finding unless it says so itself.
  testTimeout: 30_000,
  coverageThreshold: { global: { lines: 95 } },
};
