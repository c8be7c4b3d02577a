import { Browser } from '../support/docs-in-browser';
import { Lab, text } from '../support/lab';
import { serving } from '../support/serve';

const serve = serving();
let browser: Browser;
beforeAll(async () => {
  browser = await Browser.start();
}, 60_000);
afterAll(() => browser.stop());

const SCRIPT = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
const LINK = `[x](javascript:window.hacked=1) ![y](https://evil.example/y.png) ${SCRIPT}`;

describe('S12: the docs page', () => {
  it('shows what a hostile server says as text, and asks nobody else for anything', async () => {
    const lab = new Lab().tool('hostile', () => text('1'), {
      title: SCRIPT,
      description: LINK,
      inputSchema: {
        type: 'object',
        title: SCRIPT,
        description: LINK,
        properties: { [SCRIPT]: { type: 'string', description: LINK, default: SCRIPT } },
      },
    });
    const { url } = await serve({
      servers: { lab: { connect: lab.connect } },
      info: { title: SCRIPT, description: LINK },
    });
    const visit = await browser.open(`${url}/docs`);
    const { body } = await visit.execute('/lab/hostile', {});
    expect(body).toBe('1');
    expect(await visit.page.evaluate('window.hacked')).toBeUndefined();
    // A picture that a description asks for is stopped by the security policy.
    expect(visit.complaints.filter((complaint) => complaint.startsWith('request to '))).toEqual([]);
    await visit.page.close();
  });

  it.each(['/docs', '/lab/docs', '/dashboard'])(
    '%s has a security policy, and no word of a server in its script',
    async (path) => {
      const lab = new Lab().tool('a', () => text('1'));
      const { url } = await serve({ servers: { lab: { connect: lab.connect } }, info: { title: SCRIPT } });
      const answer = await fetch(url + path, { headers: { accept: 'text/html' } });
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/default-src 'none'/);
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      const html = await answer.text();
      expect(html).not.toMatch(/<img|<script>|onerror="|https?:\/\//);
    },
  );
});
