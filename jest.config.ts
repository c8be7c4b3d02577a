import type { Config } from 'jest';

const config: Config = {
  preset: 'ts-jest',
  testEnvironment: 'node',
  roots: ['<rootDir>/__tests__'],
  testMatch: ['**/*.test.ts'],
  // They need more than Node and npm: `npm run check:external`.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/__tests__/external/'],
  collectCoverageFrom: ['lib/**/*.ts'],
  // The machines of CI are shared: how long a test takes is no finding unless it says so itself.
  testTimeout: 30_000,
  coverageThreshold: { global: { lines: 95 } },
};

export default config;
