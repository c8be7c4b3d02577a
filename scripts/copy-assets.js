'use strict';

// Copies what the pages need to assets/, which is published: of packages, so that users need not install them, and our
// own dashboard. As a dependency swagger-ui-dist would run a telemetry script on every machine it is installed on.
const { cpSync, existsSync, mkdirSync, rmSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');

const root = join(__dirname, '..');
const assets = join(root, 'assets');

const PACKAGES = [
  {
    name: 'swagger-ui-dist',
    manifest: () => require.resolve('swagger-ui-dist/package.json'),
    to: join(assets, 'swagger-ui'),
    files: [
      'swagger-ui.css',
      'swagger-ui-bundle.js',
      'swagger-ui-bundle.js.LICENSE.txt',
      'favicon-32x32.png',
      'LICENSE',
      'NOTICE',
    ],
    without: 'there will be no docs page',
  },
  {
    name: 'uplot',
    manifest: () => require.resolve('uplot/package.json'),
    to: join(assets, 'uplot'),
    files: ['dist/uPlot.iife.min.js', 'dist/uPlot.min.css', 'LICENSE'],
    without: 'there will be no dashboard',
  },
];

function copy({ name, manifest, to, files, without }) {
  let from;
  try {
    from = dirname(manifest());
  } catch {
    if (process.env.npm_command === 'ci' || process.env.npm_command === 'install') {
      // An installation without dev-dependencies runs this script too, and need not fail.
      if (!existsSync(to)) console.warn(`copy-assets: ${name} is not installed, so ${without}`);
    } else {
      console.error(`copy-assets: ${name} is not installed: run npm install first`);
      process.exitCode = 1;
    }
    return;
  }
  mkdirSync(to, { recursive: true });
  for (const file of files) cpSync(join(from, file), join(to, basename(file)));
}

for (const one of PACKAGES) copy(one);
rmSync(join(assets, 'dashboard'), { recursive: true, force: true });
cpSync(join(root, 'dashboard'), join(assets, 'dashboard'), { recursive: true });
