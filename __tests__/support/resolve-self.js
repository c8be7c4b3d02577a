'use strict';

// Lets a program that imports 'express-mcpo' run on the sources instead of the last build.
const Module = require('node:module');
const path = require('node:path');

const resolve = Module._resolveFilename;
Module._resolveFilename = function resolveSelf(request, ...rest) {
  const name = request === 'express-mcpo' ? path.join(__dirname, '../../lib/index.ts') : request;
  return resolve.call(this, name, ...rest);
};
