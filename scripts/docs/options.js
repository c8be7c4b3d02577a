'use strict';

// The tables of docs/options.md: one for each option type, a row for each property with its TSDoc and `@defaultValue`.
const path = require('node:path');
const ts = require('typescript');

const lib = path.join(__dirname, '../../lib');

// File, type or property of one, what its options are called with in front. The sections have the names of the types.
const TABLES = [
  ['options.ts', 'McpoOptions', ''],
  ['options.ts', 'CommonServerOptions', ''],
  ['options.ts', 'StdioServerOptions', '', 'CommonServerOptions'],
  ['options.ts', 'HttpServerOptions', '', 'CommonServerOptions'],
  ['options.ts', 'CustomServerOptions', '', 'CommonServerOptions'],
  ['options.ts', 'ToolFilter', 'tools.'],
  ['options.ts', 'CacheOptions', 'cache.'],
  ['options.ts', 'ToolCacheOptions', 'cache.tools.*.'],
  ['options.ts', 'KindsOptions', 'cache.kinds.'],
  ['options.ts', 'KindOptions', 'cache.kinds.*.'],
  ['options.ts', 'SharingOptions', 'share.'],
  ['options.ts', 'ConcurrencyOptions', 'concurrency.'],
  ['retry/options.ts', 'RetryOptions', 'retry.'],
  ['options.ts', 'McpoOptions.breaker', 'breaker.'],
  ['options.ts', 'PoolOptions', 'pool.'],
  ['options.ts', 'MetricsOptions', 'metrics.'],
  ['monitor/options.ts', 'MonitorOptions', 'monitor.'],
  ['monitor/options.ts', 'AlertOptions', 'monitor.alerts.'],
  ['options.ts', 'ApiInfo', 'info.'],
  ['router.ts', 'CallToolOptions', ''],
  ['redis/options.ts', 'RedisFleetOptions', ''],
  ['redis/options.ts', 'LocalOptions', 'local.'],
  ['layers/request-metrics.ts', 'RequestMetricsOptions', ''],
];

// Types that have a table, or that a reader knows by a shorter name.
const SHORT = {
  "Pick<CacheOptions, 'defaultTtlMs'>": '{ defaultTtlMs }',
  "Pick<KindOptions, 'patterns'>": '{ patterns }',
  CacheOptions: 'object',
  SharingOptions: 'object',
  ConcurrencyOptions: 'object',
  LimitOptions: 'object',
  RetryOptions: 'object',
  BreakerSettings: 'object',
  BreakerOptions: 'object',
  PoolOptions: 'object',
  MetricsOptions: 'object',
  MonitorOptions: 'object',
  AlertOptions: 'object',
  ApiInfo: 'object',
  ToolFilter: 'object',
  KindsOptions: 'object',
  KindOptions: 'object',
  LocalOptions: 'object',
  MaxConcurrent: "number | 'cpu' | 'io'",
  Strategy: "'lru' | 'ttl' | 'lru_ttl'",
  AccessOptions: "{ [pattern]: 'read' | 'idempotent' | 'write' }",
  ForwardHeaders: 'string[] | { [name]: string | true }',
};

exports.tables = function tables() {
  const files = [...new Set(TABLES.map(([file]) => path.join(lib, file)))];
  const program = ts.createProgram(files, { strict: true, skipLibCheck: true, noEmit: true });
  const checker = program.getTypeChecker();
  const typeOf = (file, nameAndMember) => {
    const [name, member] = nameAndMember.split('.');
    const source = program.getSourceFile(path.join(lib, file));
    const symbol = checker.getExportsOfModule(checker.getSymbolAtLocation(source)).find((one) => one.name === name);
    if (!symbol) throw new Error(`lib/${file} exports no ${name}`);
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    return member === undefined ? type : checker.getNonNullableType(checker.getTypeOfPropertyOfType(type, member));
  };
  return Object.fromEntries(
    TABLES.map(([file, name, prefix, base]) => {
      const inherited =
        base === undefined ? [] : checker.getPropertiesOfType(typeOf(file, base)).map((one) => one.name);
      const rows = checker
        .getPropertiesOfType(typeOf(file, name))
        .filter((property) => !inherited.includes(property.name) && written(property) !== 'undefined')
        .map((property) => row(checker, property, prefix));
      return [name, ['| option | type | what it does | default |', '| --- | --- | --- | --- |', ...rows].join('\n')];
    }),
  );
};

function row(checker, property, prefix) {
  const what = ts
    .displayPartsToString(property.getDocumentationComment(checker))
    .replaceAll(/\{@link (\w+)\}/g, '`$1`')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const tag = property.getJsDocTags(checker).find(({ name }) => name === 'defaultValue');
  const value = ts.displayPartsToString(tag?.text).replaceAll(/\s+/g, ' ').trim();
  if (what === '') throw new Error(`${prefix}${property.name} has no TSDoc`);
  const cells = [`\`${prefix}${property.name}\``, `\`${shortened(written(property))}\``, what, value];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`.replaceAll(' |  |', ' | |');
}

/** The type as the source has it, without `undefined`. */
function written(property) {
  const text = property.declarations[0].type?.getText() ?? '';
  if (text === 'undefined') return text;
  return text
    .replaceAll(/\s+/g, ' ')
    .replace(/^\| /, '')
    .replaceAll('readonly ', '')
    .replaceAll(/ ?\| undefined$/g, '');
}

function shortened(type) {
  let text = type.replace(/^\((\(.*)\)$/, '$1');
  text = text.replaceAll(/Readonly<Record<string, (.+?)>>(?=$| \|)/g, (_all, value) => `{ [name]: ${value} }`);
  for (const [long, short] of Object.entries(SHORT)) {
    text = text.replaceAll(new RegExp(`(?<![\\w.])${long.replaceAll(/[<>,]/g, '\\$&')}(?![\\w])`, 'g'), short);
  }
  return text.replaceAll('req: IncomingMessage', 'req').replaceAll(/ToolCacheOptions|SmartCacheOptions/g, 'object');
}
