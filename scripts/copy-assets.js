'use strict';

// Copies what the docs page needs of swagger-ui-dist to assets/, which is published. As a dependency that package
// would run a telemetry script on every machine it is installed on.
const { cpSync, existsSync, mkdirSync } = require('node:fs');
const { dirname, join } = require('node:path');

const FILES = [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-bundle.js.LICENSE.txt',
  'favicon-32x32.png',
  'LICENSE',
  'NOTICE',
];
const target = join(__dirname, '../assets/swagger-ui');

function source() {
  try {
    return dirname(require.resolve('swagger-ui-dist/package.json'));
  } catch {
    return undefined;
  }
}

const from = source();
if (from) {
  mkdirSync(target, { recursive: true });
  for (const file of FILES) cpSync(join(from, file), join(target, file));
} else if (process.env.npm_command === 'ci' || process.env.npm_command === 'install') {
  // An installation without dev-dependencies runs this script too, and need not fail.
  if (!existsSync(target)) console.warn('copy-assets: swagger-ui-dist is not installed, so there will be no docs page');
} else {
  console.error('copy-assets: swagger-ui-dist is not installed: run npm install first');
  process.exitCode = 1;
}
