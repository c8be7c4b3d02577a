import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Started } from '../support/mcp-http';

const { LANES } = jest.requireActual<{ LANES: Readonly<Record<string, readonly (readonly string[])[]>> }>(
  '../../scripts/check.js',
);
const root = path.join(__dirname, '../..');
const started = new Started();
afterEach(() => started.end());

interface Ended {
  readonly code: number;
  readonly text: string;
}

/** Runs the audit against a registry of ours. */
async function audit(registry: (req: IncomingMessage, res: ServerResponse) => void): Promise<Ended> {
  const { url } = await started.listen((req, res) => {
    req.resume().once('end', () => registry(req, res));
  });
  const cache = await mkdtemp(path.join(tmpdir(), 'mcpo-audit-'));
  try {
    const env = { ...process.env, npm_config_registry: url, npm_config_cache: cache, npm_config_fetch_retries: '0' };
    return await new Promise((resolve) => {
      execFile(process.execPath, ['scripts/audit.js'], { cwd: root, env }, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr });
      });
    });
  } finally {
    await rm(cache, { recursive: true });
  }
}

/** A registry that knows of a vulnerability in one package, of which there is one version. */
const knowing =
  (name: string, version: string) =>
  ({ url = '', method }: IncomingMessage, res: ServerResponse): void => {
    res.setHeader('Content-Type', 'application/json');
    const advisory = {
      id: 1,
      url: 'urn:x',
      title: 'Bad',
      severity: 'high',
      vulnerable_versions: '*',
      cwe: [],
      cvss: {},
    };
    if (method === 'POST') res.end(JSON.stringify(url.endsWith('/advisories/bulk') ? { [name]: [advisory] } : {}));
    else {
      const own = decodeURIComponent(url.slice(1)) === name;
      const versions = own ? { [version]: { name, version } } : {};
      res.end(JSON.stringify({ name: decodeURIComponent(url.slice(1)), 'dist-tags': {}, versions }));
    }
  };

describe('the audit', () => {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly version: string }>>;
  };
  const versionOf = (name: string): string => lock.packages[`node_modules/${name}`]?.version ?? '';

  it.each([
    ['node-cache', 1, 'audit: node-cache * has a known vulnerability (high)'],
    ['express', 1, 'audit: express * has a known vulnerability (high)'],
    ['uplot', 1, 'audit: uplot * has a known vulnerability (high)'],
    ['prettier', 0, 'audit: 0 findings in what users install, 1 in development alone'],
  ])('with a vulnerability in %s ends with %i', async (name, code, says) => {
    const ended = await audit(knowing(name, versionOf(name)));
    expect([ended.code, ended.text]).toEqual([code, expect.stringContaining(says)]);
  });

  it('says that it was not done where the registry has no advisories to give, and fails for nothing', async () => {
    const ended = await audit((_req, res) => res.writeHead(405).end());
    expect([ended.code, ended.text]).toEqual([0, expect.stringContaining('NOT DONE')]);
  });
});

describe('the licences', () => {
  it('are those that docs/licences.md tells, and each is on the list of those allowed', () => {
    execFileSync(process.execPath, ['scripts/licences.js', '--check'], { cwd: root });
  });

  it('are told of each package that an installation brings', async () => {
    const text = await readFile(path.join(root, 'docs/licences.md'), 'utf8');
    const { dependencies } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
      dependencies: object;
    };
    for (const name of [...Object.keys(dependencies), 'isexe', 'express', 'zod', 'swagger-ui-dist']) {
      expect(text).toContain(`| ${name} | `);
    }
  });
});

it('what is published has been checked, is public, and says how it was built', async () => {
  const { scripts, publishConfig } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
    readonly publishConfig: object;
  };
  expect(publishConfig).toEqual({ access: 'public', provenance: true });
  expect(scripts.prepublishOnly).toBe('npm run check');
  expect(scripts.check).toBe('npm test && npm run test:all');
  for (const tier of ['quick', 'all']) {
    expect(scripts[tier === 'quick' ? 'test' : `test:${tier}`]).toBe(`node scripts/check.js ${tier}`);
  }
  const checks = Object.keys(scripts).filter((name) => name.startsWith('check:'));
  expect(Object.values(LANES).flat(2).sort()).toEqual(checks.sort());
  // Nothing runs on the machine of whoever installs it.
  for (const name of ['preinstall', 'install', 'postinstall']) expect(scripts).not.toHaveProperty(name);
});
