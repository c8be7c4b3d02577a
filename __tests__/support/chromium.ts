import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createBrotliDecompress } from 'node:zlib';

const run = promisify(execFile);

/** How to launch a Chromium. */
export interface Chromium {
  readonly executablePath: string;
  readonly env: NodeJS.ProcessEnv;
}

const PACKAGE = path.join(path.dirname(require.resolve('@sparticuz/chromium')), '../..');
const CACHE = path.join(__dirname, '../../node_modules/.cache/express-mcpo');

// The package's own fonts.conf looks for the fonts in /tmp.
const FONTS_CONF = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

/** The Chromium at `CHROMIUM_PATH`, else the one that npm installed, with the libraries and fonts it needs. */
export async function findChromium(): Promise<Chromium> {
  const { CHROMIUM_PATH: own } = process.env;
  if (own !== undefined) {
    if (!existsSync(own)) throw new Error(`no Chromium at CHROMIUM_PATH, ${own}`);
    return { executablePath: own, env: process.env };
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `the packaged Chromium is for linux x64, not ${process.platform} ${process.arch}: set CHROMIUM_PATH to one of your own`,
    );
  }
  const directory = await unpacked();
  return {
    executablePath: path.join(directory, 'chromium'),
    env: { ...process.env, LD_LIBRARY_PATH: path.join(directory, 'lib'), FONTCONFIG_PATH: directory },
  };
}

/** The folder of the unpacked Chromium. It gets its name when it is complete, so that one that exists can be used. */
async function unpacked(): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  const directory = path.join(CACHE, `chromium-${version}`);
  if (existsSync(directory)) return directory;

  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(`${directory}.`);
  try {
    await unpack('al2023.tar', draft);
    await unpack('fonts.tar', draft);
    await writeFile(path.join(draft, 'fonts.conf'), FONTS_CONF);
    await decompress('chromium', path.join(draft, 'chromium'));
    await chmod(path.join(draft, 'chromium'), 0o755);
    await rename(draft, directory);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another process may have been faster: a folder that is not empty is not replaced.
    if (!existsSync(directory)) throw error;
  }
  return directory;
}

async function unpack(name: string, directory: string): Promise<void> {
  const archive = path.join(directory, name);
  await decompress(name, archive);
  await run('tar', ['--extract', '--no-same-owner', '--file', archive, '--directory', directory]);
  await rm(archive);
}

function decompress(name: string, to: string): Promise<void> {
  return pipeline(
    createReadStream(path.join(PACKAGE, 'bin', `${name}.br`)),
    createBrotliDecompress(),
    createWriteStream(to),
  );
}
