import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BrowserContext, type Page, chromium } from 'playwright-core';
import { findChromium } from './chromium';
import { Visit } from './visit';

/** A headless Chromium with nothing of an earlier run in it; fails where there is none. */
export class Browser {
  readonly #context: BrowserContext;
  readonly #directory: string;

  private constructor(context: BrowserContext, directory: string) {
    this.#context = context;
    this.#directory = directory;
  }

  /** @param more - further command-line arguments */
  static async start(more: readonly string[] = []): Promise<Browser> {
    const { executablePath, env } = await findChromium();
    const directory = await mkdtemp(path.join(tmpdir(), 'express-mcpo-browser-'));
    const context = await chromium.launchPersistentContext(directory, {
      executablePath,
      env,
      viewport: { width: 1200, height: 1400 },
      // Where the environment names none, that of Chromium is one that Intl does not know.
      locale: 'en-US',
      args: [
        ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
        ...more,
      ],
    });
    return new Browser(context, directory);
  }

  /** Opens a docs page and notes what it must not do. */
  async open(url: string): Promise<DocsVisit> {
    const visit = new DocsVisit(await this.newPage());
    await visit.go(url);
    return visit;
  }

  /** An empty page. */
  newPage(): Promise<Page> {
    return this.#context.newPage();
  }

  async stop(): Promise<void> {
    await this.#context.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** A visit of a docs page at any URL. */
export class DocsVisit extends Visit {
  override async go(url: string): Promise<void> {
    await super.go(url);
    await this.page.waitForSelector('.opblock');
  }

  /** Opens a page that asks for a key. */
  async goAsked(url: string): Promise<void> {
    await super.go(url);
    await this.page.getByText('A key is needed').waitFor();
  }

  /** Answers the page that asks for a key. */
  async enterKey(key: string): Promise<void> {
    await this.page.getByLabel('API key').fill(key);
    await this.page.getByLabel('API key').press('Enter');
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
