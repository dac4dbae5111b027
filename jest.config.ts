/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

const config: Config = {
  testEnvironment: 'node',
  globalSetup: '<rootDir>/tests/support/global-setup.ts',
  globalTeardown: '<rootDir>/tests/support/global-teardown.ts',
  roots: ['<rootDir>/apps', '<rootDir>/src', '<rootDir>/tests', '<rootDir>/bench'],
  testMatch: ['**/*.test.ts'],
  // Node's own `imports` map points at dist; the tests run the sources.
  moduleNameMapper: { '^#apps/(.*)$': '<rootDir>/apps/$1', '^#(.*)$': '<rootDir>/src/$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  testTimeout: 60_000,
  // Two cores, one PostgreSQL and one Redis for all files: more workers only make each other late.
  maxWorkers: 2,
  // Of one file: fault runs mostly wait.
  maxConcurrency: 3,
};

export default config;
