'use strict';

// Writes what the documents say of the code: the tables of options, from the TSDoc of the option types, and the picture of
// the folders, from what dependency-cruiser finds and from its rules. `--check` writes nothing and fails when a document
// is out of date.
const { readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const check = process.argv.includes('--check');
const only = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));

const PARTS = {
  options: () => ['docs/options.md', require('./docs/options.js').tables()],
  folders: () => ['ARCHITECTURE.md', require('./docs/folders.js').sections()],
};

let outdated = 0;
for (const name of only.length > 0 ? only : Object.keys(PARTS)) {
  const [file, sections] = PARTS[name]();
  const before = readFileSync(path.join(root, file), 'utf8');
  const after = Object.entries(sections).reduce((text, [section, body]) => replaced(file, text, section, body), before);
  if (after === before) continue;
  if (check) {
    outdated += 1;
    console.error(`${file} is out of date: npm run docs`);
  } else {
    writeFileSync(path.join(root, file), after);
  }
}
process.exitCode = outdated === 0 ? 0 : 1;

function replaced(file, text, section, body) {
  const begin = `<!-- begin: ${section}, written by npm run docs -->`;
  const end = '<!-- end -->';
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`${file} has no place for ${section}`);
  return `${text.slice(0, from + begin.length)}\n\n${body}\n\n${text.slice(to)}`;
}
