'use strict';

// Runs TypeScript of this repository, on the sources of 'express-mcpo'. What is transpiled once is kept for all processes,
// each of which would spend seconds on the same files otherwise.
const { createHash } = require('node:crypto');
const { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { version } = require('typescript/package.json');
require('./resolve-self.js');

const folder = path.join(__dirname, '../../node_modules/.cache/mcpo-transpiled');
mkdirSync(folder, { recursive: true });

const transpile = (source, fileName) => {
  const ts = require('typescript');
  const compilerOptions = {
    module: ts.ModuleKind.CommonJS,
    target: ts.ScriptTarget.ES2022,
    esModuleInterop: true,
  };
  return ts.transpileModule(source, { fileName, compilerOptions }).outputText;
};

const load = (module, file) => {
  const source = readFileSync(file, 'utf8');
  const hash = createHash('sha256').update(`${version} ${file} ${source}`).digest('hex');
  const kept = path.join(folder, `${hash}.js`);
  if (!existsSync(kept)) {
    writeFileSync(`${kept}.${process.pid}`, transpile(source, file));
    renameSync(`${kept}.${process.pid}`, kept);
  }
  module._compile(readFileSync(kept, 'utf8'), file);
};
Module._extensions['.ts'] = load;
