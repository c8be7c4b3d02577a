'use strict';

// Lets a program that imports 'express-mcpo' run on the sources instead of the last build.
const Module = require('node:module');
const path = require('node:path');

const SOURCES = {
  'express-mcpo': 'index.ts',
  'express-mcpo/parts': 'parts/index.ts',
  'express-mcpo/redis': 'redis/index.ts',
};
const resolve = Module._resolveFilename;
Module._resolveFilename = function resolveSelf(request, ...rest) {
  const source = SOURCES[request];
  return resolve.call(this, source ? path.join(__dirname, '../../lib', source) : request, ...rest);
};
