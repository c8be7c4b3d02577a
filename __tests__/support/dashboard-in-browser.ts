import { isDeepStrictEqual } from 'node:util';
import { until } from './deferred';
import type { Browser } from './docs-in-browser';
import { Visit } from './visit';

interface Canvas {
  toDataURL(): string;
}

/** A visit of a dashboard. */
export class DashboardVisit extends Visit {
  /** Opens one; it may ask for a key. */
  static async to(browser: Browser, url: string): Promise<DashboardVisit> {
    const visit = new DashboardVisit(await browser.newPage());
    await visit.go(`${url}/dashboard`);
    return visit;
  }

  /** Waits until it says this of its connection. */
  async says(text: string): Promise<void> {
    await this.page.locator('#connection', { hasText: text }).waitFor();
  }

  /** The names of the tools in the order of their rows. */
  tools(): Promise<string[]> {
    return this.page.locator('#tools tbody th .name').allTextContents();
  }

  /** Waits until the names are these, in this order. */
  async showsTools(names: readonly string[]): Promise<void> {
    // waitForFunction() would need eval, which the page forbids.
    await until(async () => isDeepStrictEqual(await this.tools(), names));
  }

  /** What is drawn in a chart, and what is said of it. */
  async chart(title: string): Promise<{ readonly pixels: string; readonly words: string }> {
    const chart = this.page
      .locator('figure', { has: this.page.getByRole('heading', { name: title }) })
      .getByRole('img');
    const words = (await chart.getAttribute('aria-label')) ?? '';
    return {
      words,
      pixels: await chart.locator('canvas').evaluate((canvas) => (canvas as unknown as Canvas).toDataURL()),
    };
  }

  /** The text of a cell. */
  cell(table: 'tools' | 'servers', name: string, column: string): Promise<string> {
    const row = this.page.locator(`#${table} tbody tr`).filter({ has: this.page.getByText(name, { exact: true }) });
    return row.locator(`[data-label="${column}"]`).innerText();
  }
}
