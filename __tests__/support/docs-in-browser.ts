import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BrowserContext, type Page, chromium } from 'playwright-core';
import { findChromium } from './chromium';

/** A headless Chromium with nothing of an earlier run in it; fails where there is none. */
export class Browser {
  readonly #context: BrowserContext;
  readonly #directory: string;

  private constructor(context: BrowserContext, directory: string) {
    this.#context = context;
    this.#directory = directory;
  }

  static async start(): Promise<Browser> {
    const { executablePath, env } = await findChromium();
    const directory = await mkdtemp(path.join(tmpdir(), 'express-mcpo-browser-'));
    const context = await chromium.launchPersistentContext(directory, {
      executablePath,
      env,
      viewport: { width: 1200, height: 1400 },
      args: [
        ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ],
    });
    return new Browser(context, directory);
  }

  /** Opens a page and notes what it must not do. */
  async open(url: string): Promise<DocsVisit> {
    const visit = new DocsVisit(await this.#context.newPage());
    await visit.go(url);
    return visit;
  }

  async stop(): Promise<void> {
    await this.#context.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** A visit of a docs page at any URL. */
export class DocsVisit {
  readonly page: Page;
  /** Requests to other hosts, errors on the console, errors in scripts and offences against the security policy. */
  readonly complaints: string[] = [];
  #host = '';

  constructor(page: Page) {
    this.page = page;
    page.on('request', (request) => {
      const { host, protocol } = new URL(request.url());
      if (protocol !== 'data:' && host !== this.#host) this.complaints.push(`request to ${request.url()}`);
    });
    page.on('requestfailed', (request) => {
      const index = this.complaints.indexOf(`request to ${request.url()}`);
      if (index !== -1 && request.failure()?.errorText === 'csp') this.complaints[index] = `blocked ${request.url()}`;
    });
    page.on('response', (response) => {
      if (response.status() >= 400) this.complaints.push(`${String(response.status())} for ${response.url()}`);
    });
    page.on('console', (message) => {
      // Swagger UI says this of every link to an operation whose id has a `_` in it.
      if (message.text().startsWith('Deprecated: escaping deep link whitespace')) return;
      if (message.type() === 'error') this.complaints.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.complaints.push(`script: ${error.message}`));
  }

  async go(url: string): Promise<void> {
    this.#host = new URL(url).host;
    await this.page.goto(url);
    await this.page.waitForSelector('.opblock');
  }

  /** The paths of all tools that are listed. */
  paths(): Promise<readonly string[]> {
    const elements = 'document.querySelectorAll(".opblock-summary-path")';
    return this.page.evaluate<string[]>(`Array.from(${elements}, (element) => element.dataset.path)`);
  }

  /** Enters an API key for the bearer scheme. */
  async authorize(key: string): Promise<void> {
    await this.page.locator('.btn.authorize').click();
    await this.page.locator('.auth-container input').first().fill(key);
    await this.page.locator('.auth-container .btn.authorize').first().click();
    await this.page.locator('.auth-container .btn-done').first().click();
  }

  /** Calls a tool by "Try it out"; returns the status and the body that are shown. */
  async execute(path: string, args?: unknown): Promise<{ readonly status: string; readonly body: string }> {
    const block = this.page.locator('.opblock').filter({ has: this.page.locator(`[data-path="${path}"]`) });
    await block.locator('.opblock-summary-control').click();
    if (args !== undefined) await block.locator('textarea.body-param__text').fill(JSON.stringify(args));
    await block.locator('.btn.execute').click();
    const row = block.locator('.live-responses-table tbody tr.response');
    const status = (await row.locator('.response-col_status').innerText()).trim();
    const body = await row.locator('pre').first().innerText();
    return { status: status.split('\n', 1)[0] ?? '', body };
  }
}
