import { HOSTILE_NAMES, HOSTILE_SCHEMAS } from '../support/hostile-tools';
import { Lab, text } from '../support/lab';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();

interface Described {
  readonly paths: Readonly<Record<string, { readonly post: { readonly operationId: string } }>>;
}

/** Regular expressions, remote references and names of prototypes: `attack-schemas.test.ts`, `attack-names.test.ts`. */
describe('S10: names and schemas of a server', () => {
  it('are data: every hostile name is reached at the path that is described, and at no other', async () => {
    const lab = new Lab();
    const names = HOSTILE_NAMES.filter((name) => name !== '..');
    for (const name of HOSTILE_NAMES) lab.tool(name, () => text(`"${Buffer.from(name).toString('hex')}"`));
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as Described;
    expect(Object.keys(paths)).toHaveLength(names.length);
    const reached: string[] = [];
    for (const path of Object.keys(paths)) {
      const { status, body } = await post(url + path);
      expect([path, status]).toEqual([path, 200]);
      reached.push(Buffer.from(body as string, 'hex').toString());
    }
    expect(reached.sort()).toEqual([...names].sort());
    const ids = Object.values(paths).map((path) => path.post.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[\w-]{1,64}$/);
  });

  it('leave every tool callable and the description finite and free of references to nowhere', async () => {
    const lab = new Lab();
    for (const [name, schema] of Object.entries(HOSTILE_SCHEMAS)) {
      lab.tool(name, () => text('1'), { inputSchema: { type: 'object', ...schema } });
    }
    const { url, mcpo } = await serve({ servers: { lab: { connect: lab.connect } } });
    expect(mcpo.stats.servers.lab?.tools).toBe(Object.keys(HOSTILE_SCHEMAS).length);
    for (const name of Object.keys(HOSTILE_SCHEMAS))
      expect([200, 422]).toContain((await post(`${url}/lab/${name}`)).status);
    const description = (await (await fetch(`${url}/openapi.json`)).json()) as { components: { schemas: object } };
    const known = Object.keys(description.components.schemas).map((name) => `#/components/schemas/${name}`);
    const refs = [...JSON.stringify(description.components).matchAll(/"\$ref":"(#\/components[^"]*)"/g)].map(
      ([, ref]) => ref,
    );
    expect(refs.length).toBeGreaterThan(0);
    for (const ref of refs) expect(known).toContain(ref);
  });
});
