'use strict';

// Lists the licences of all that users get, in docs/licences.md, and fails for one that is not on the list of those allowed.
// With --check nothing is written: it fails where the file is out of date.
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { bundled, packages, peers, runtime } = require('./dependencies');

const FILE = join(__dirname, '../docs/licences.md');
const ALLOWED = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

/** An SPDX expression: of alternatives one must be allowed, of what counts together all. */
function isAllowed(licence = '') {
  const parts = licence.replace(/^\((.*)\)$/, '$1');
  if (parts.includes(' OR ')) return parts.split(' OR ').some(isAllowed);
  return parts.split(' AND ').every((part) => ALLOWED.includes(part));
}

const nameOf = (place) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
const row = (place) => `| ${nameOf(place)} | ${packages[place].version} | ${packages[place].license ?? 'unknown'} |`;
const table = (places) =>
  ['| package | version | licence |', '| --- | --- | --- |', ...new Set(places.map(row))].join('\n');

const text = `# Licences

Made by \`npm run licences\` from the lockfile; \`npm run check:licences\` fails when it is not true. Allowed are ${ALLOWED.join(', ')}.

## Installed with this package

${table(runtime)}

## Installed beside it

Peer dependencies and what they need, in the versions that the tests use; an app has its own.

${table(peers)}

## Inside this package

Files of these are copied into \`assets/\`, with their licences; \`swagger-ui-bundle.js.LICENSE.txt\` names what Swagger UI
itself is made of.

${table(bundled)}
`;

const refused = [...runtime, ...peers, ...bundled].filter((place) => !isAllowed(packages[place].license));
for (const place of refused)
  console.error(`licences: ${nameOf(place)} is under ${packages[place].license ?? 'no known licence'}`);
if (refused.length > 0) process.exitCode = 1;

if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error('licences: docs/licences.md is out of date: run npm run licences');
  process.exitCode = 1;
}
