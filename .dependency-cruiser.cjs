'use strict';

/** A third-party library is known to one folder alone. */
const only = (name, where, allowed) => ({
  name: `${name}-only-in-its-folder`,
  severity: 'error',
  from: { path: '^lib/', pathNot: allowed },
  to: { path: where },
});

/** A folder imports nothing of lib but what is listed, and itself. */
const folder = (name, ...allowed) => ({
  name: `${name}-imports-only-its-own`,
  severity: 'error',
  from: { path: `^lib/${name}/` },
  to: { path: '^lib/', pathNot: [`^lib/${name}/`, ...allowed.map((path) => `^lib/${path}`)] },
});

const mechanism = (name) => folder(name, 'errors\\.ts$', 'util/');

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^lib/' }, to: {} },
    {
      name: 'a-layer-imports-no-other-layer',
      severity: 'error',
      from: { path: '^lib/layers/([^/]+)\\.ts$' },
      to: { path: '^lib/layers/', pathNot: '^lib/layers/$1\\.ts$' },
    },
    ...['util', 'cache', 'share', 'limit', 'retry', 'pool', 'monitor', 'network'].map(mechanism),
    folder('mcp', 'errors\\.ts$', 'util/', 'network/'),
    folder('redis', 'errors\\.ts$', 'util/', 'cache/store\\.ts$', 'share/fleet\\.ts$'),
    only('mcp-sdk', 'node_modules/@modelcontextprotocol/', ['^lib/mcp/', '^lib/(?:options|router)\\.ts$']),
    only('ajv', 'node_modules/ajv', '^lib/mcp/'),
    only('cross-spawn', 'node_modules/(?:@types/)?cross-spawn', '^lib/mcp/'),
    only('eventsource-parser', 'node_modules/eventsource-parser', '^lib/mcp/'),
    only('undici', 'node_modules/undici/', '^lib/network/'),
    only('node-cache', 'node_modules/node-cache', '^lib/cache/'),
    only('async-sema', 'node_modules/async-sema', '^lib/limit/'),
    only('opentelemetry', 'node_modules/@opentelemetry/', '^lib/telemetry/tracing\\.ts$'),
    only('prom-client', 'node_modules/prom-client', ['^lib/monitor/', '^lib/options\\.ts$']),
    only('express', 'node_modules/(?:@types/)?express/', '^lib/(?:(?:one-layer-)?router|options)\\.ts$'),
    {
      name: 'options-take-only-types',
      severity: 'error',
      from: { path: '^lib/options\\.ts$' },
      to: { path: 'node_modules', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'lib-stands-alone',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(?:__tests__|examples|bench|scripts)/' },
    },
    {
      name: 'no-dev-dependencies-in-lib',
      severity: 'error',
      from: { path: '^lib/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'unknown', 'undetermined'],
        dependencyTypesNot: ['npm-peer', 'type-only'],
      },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    includeOnly: '^(?:lib|node_modules|__tests__|examples|bench)/|^[a-z_]+$',
    combinedDependencies: false,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['require', 'types', 'default'] },
  },
};
