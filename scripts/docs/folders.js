'use strict';

// The folders of lib and what they import of each other: a picture of what runs, and a table with what is imported for its
// types alone and what the rules of dependency-cruiser allow.
const { execFileSync } = require('node:child_process');
const path = require('node:path');

const root = path.join(__dirname, '../..');
const { forbidden } = require('../../.dependency-cruiser.cjs');

/** Every folder may import them. */
const EVERYWHERE = new Set(['util', 'errors.ts']);

exports.sections = function sections() {
  const imports = importsByFolder();
  return { 'folder picture': picture(imports), 'folder table': table(imports) };
};

/** Of each folder, and `router.ts`: which others it imports, and whether for more than their types. */
function importsByFolder() {
  const depcruise = path.join(root, 'node_modules/.bin/depcruise');
  const json = execFileSync(depcruise, ['lib', '--output-type', 'json'], {
    cwd: root,
    maxBuffer: 2 ** 28,
    encoding: 'utf8',
  });
  const imports = new Map();
  for (const { source, dependencies } of JSON.parse(json).modules) {
    const from = placeOf(source);
    if (from === undefined || EVERYWHERE.has(from)) continue;
    const others = imports.get(from) ?? new Map();
    imports.set(from, others);
    for (const { resolved, dependencyTypes } of dependencies) {
      const to = placeOf(resolved);
      if (to === undefined || to === from || EVERYWHERE.has(to)) continue;
      others.set(to, (others.get(to) ?? false) || !dependencyTypes.includes('type-only'));
    }
  }
  return new Map([...imports].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function placeOf(file) {
  const [, folder, name] = /^lib\/(?:([^/]+)\/.+|([^/]+\.ts))$/.exec(file) ?? [];
  if (name === 'index.ts') return undefined;
  return folder ?? name;
}

function picture(imports) {
  const lines = ['graph TD'];
  for (const [from, others] of imports) {
    const used = [...others].filter(([, runs]) => runs).map(([to]) => to);
    if (used.length > 0) lines.push(`  ${node(from)} --> ${used.sort().map(node).join(' & ')}`);
  }
  return ['```mermaid', ...lines, '```'].join('\n');
}

function node(name) {
  return name.endsWith('.ts') ? `${name.slice(0, -'.ts'.length).replaceAll('-', '_')}_ts["${name}"]` : name;
}

function table(imports) {
  const names = (others, wanted) =>
    [...others]
      .filter(([, runs]) => runs === wanted)
      .map(([to]) => `\`${to}\``)
      .sort()
      .join(', ');
  const rows = [...imports].map(([from, others]) =>
    `| \`${from}\` | ${names(others, true)} | ${names(others, false)} | ${rule(from)} |`.replaceAll('|  ', '| '),
  );
  return ['| folder | imports | imports types of | rule |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** What of lib a folder is allowed to import beside itself, where a rule says so. */
function rule(folder) {
  const own = forbidden.find(({ name }) => name === `${folder}-imports-only-its-own`);
  if (!own) return '';
  const allowed = own.to.pathNot
    .map((pattern) => pattern.replace('^lib/', '').replaceAll('\\', '').replaceAll('$', '').replace(/\/$/, ''))
    .filter((name) => name !== folder)
    .map((name) => `\`${name}\``);
  return `only ${allowed.join(', ')}`;
}
