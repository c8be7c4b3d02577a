import type { Config } from 'jest';
import { BUDGETS, type Tier, minutesOf, suitesOf } from './__tests__/budgets';
import { SEED } from './__tests__/support/seed';

const tier = process.env.TIER as Tier | undefined;
const suites = tier === undefined ? Object.keys(BUDGETS) : suitesOf(tier);
const minutes = Object.fromEntries(suites.map((suite) => [`${suite}.test.ts`, minutesOf(suite, tier ?? 'all')]));

const config: Config = {
  preset: 'ts-jest',
  testEnvironment: 'node',
  roots: ['<rootDir>/__tests__'],
  // Without a tier any suite can be run by its name.
  testMatch: tier === undefined ? ['**/*.test.ts'] : suites.map((suite) => `<rootDir>/__tests__/${suite}.test.ts`),
  moduleNameMapper: {
    '^express-mcpo$': '<rootDir>/lib/index.ts',
    '^express-mcpo/redis$': '<rootDir>/lib/redis/index.ts',
    '^express-mcpo/parts$': '<rootDir>/lib/parts/index.ts',
  },
  reporters: ['default', ['<rootDir>/scripts/budget-reporter.js', { minutes, seed: SEED }]],
  collectCoverageFrom: ['lib/**/*.ts'],
  // The machines of CI are shared: how long a test takes is no finding unless it says so itself.
  testTimeout: 30_000,
  coverageThreshold: { global: { lines: 95 } },
};

export default config;
