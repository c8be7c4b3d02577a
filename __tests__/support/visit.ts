import type { Page } from 'playwright-core';

/** A visit of a page of ours, which notes what it must not do. */
export class Visit {
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
  }
}
