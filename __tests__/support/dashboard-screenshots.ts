import path from 'node:path';
import { mcpoRouter } from '../../lib';
import { Browser } from './docs-in-browser';
import { DashboardVisit } from './dashboard-in-browser';
import { inExpress5 } from './hosts';
import { busyServers, startLoad } from './load';
import { silent } from './loggers';

const IMAGES = path.join(__dirname, '../../docs/images');
/** How long the router is busy before the first picture, in milliseconds. */
const WARM_UP_MS = 125_000;

/** Takes the pictures of the dashboard that docs/observability.md shows: `npx ts-node --transpile-only` runs it. */
async function main(): Promise<void> {
  const servers = Object.entries(busyServers()).map(([name, { connect }]) => [name, { connect }] as const);
  const mcpo = mcpoRouter({
    servers: Object.fromEntries(servers),
    concurrency: { maxConcurrent: 20 },
    monitor: { windowSize: 500 },
    info: { title: 'Example tools' },
    logger: silent,
  });
  await mcpo.ready();
  const mounted = await inExpress5.mount(mcpo);
  const browser = await Browser.start();
  const stop = startLoad(mounted.url);
  const visit = await DashboardVisit.to(browser, mounted.url);
  const picture = async (name: string, width: number, height: number, colorScheme: 'light' | 'dark'): Promise<void> => {
    await visit.page.emulateMedia({ colorScheme });
    await visit.page.setViewportSize({ width, height });
    // The charts take their new size, and what is drawn next their new colours.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await visit.page.screenshot({ path: path.join(IMAGES, `dashboard-${name}.png`) });
  };
  await visit.page.setViewportSize({ width: 1280, height: 1440 });
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  await picture('light', 1280, 1440, 'light');
  await picture('dark', 1280, 1440, 'dark');
  await picture('phone', 375, 1400, 'light');
  await stop();
  await browser.stop();
  await mcpo.close();
  await mounted.close();
}

void main();
