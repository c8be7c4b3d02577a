'use strict';

// What an installation of this package brings, by the lockfile: each entry with its place in node_modules.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Where a package finds another, as Node looks for it: in its own node_modules, then in those above. */
function placeOf(name, from) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (packages[place]) return place;
    if (at === '') return undefined;
  }
}

/** These packages and all that they need, by their places. */
function closure(names) {
  const places = new Set();
  const queue = names.map((name) => [name, '']);
  for (let next = queue.pop(); next; next = queue.pop()) {
    const place = placeOf(...next);
    // What is optional need not be there on every platform.
    if (place === undefined || places.has(place)) continue;
    places.add(place);
    const { dependencies, optionalDependencies } = packages[place];
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) queue.push([name, place]);
  }
  return [...places].sort();
}

const isRequired = (name) => manifest.peerDependenciesMeta?.[name]?.optional !== true;

module.exports = {
  packages,
  /** Installed with this package. */
  runtime: closure(Object.keys(manifest.dependencies)),
  /** Beside it: the app has its own versions. */
  peers: closure(Object.keys(manifest.peerDependencies).filter(isRequired)),
  /** Files of these are copied into it (`copy-assets.js`). */
  bundled: ['node_modules/swagger-ui-dist', 'node_modules/uplot'],
};
