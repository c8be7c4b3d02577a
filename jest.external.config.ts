import type { Config } from 'jest';
import base from './jest.config';

/** The tests that need more than Node and npm: Debian's packages prometheus, redis-server and nginx. */
const config: Config = {
  ...base,
  testMatch: ['**/external/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  moduleNameMapper: {
    '^express-mcpo$': '<rootDir>/lib/index.ts',
    '^express-mcpo/parts$': '<rootDir>/lib/parts/index.ts',
    '^express-mcpo/redis$': '<rootDir>/lib/redis/index.ts',
  },
};

export default config;
