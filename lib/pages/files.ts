import path from 'node:path';
import type { Authenticator } from '../auth/authenticator';
import { asset, readAsset } from './asset';
import type { Page } from './pages';

/** The media types of the files, by the ending of their names. */
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
};

/** The files of all pages, by the folder of their URL. Nothing else is served. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  '/docs/': ['swagger-ui/swagger-ui-bundle.js', 'swagger-ui/swagger-ui.css', 'swagger-ui/favicon-32x32.png'],
  '/dashboard/': [
    'dashboard/alerts.js',
    'dashboard/charts.js',
    'dashboard/docs.js',
    'dashboard/dom.js',
    'dashboard/format.js',
    'dashboard/history.js',
    'dashboard/key.js',
    'dashboard/main.js',
    'dashboard/overview.js',
    'dashboard/servers.js',
    'dashboard/sign-in.js',
    'dashboard/stream.js',
    'dashboard/tools.js',
    'dashboard/icon.svg',
    'dashboard/style.css',
    'dashboard/tables.css',
    'dashboard/views.css',
    'uplot/uPlot.iife.min.js',
    'uplot/uPlot.min.css',
  ],
};

/**
 * Serves the scripts, styles and images of all pages. They are the same in every installation, so they need no credentials,
 * which a browser could not send with them.
 */
export function filePages(authenticator: Pick<Authenticator, 'refuseBrowser'>): Readonly<Record<string, Page>> {
  const table: Record<string, Page> = {};
  for (const [folder, files] of Object.entries(FILES)) {
    for (const file of files) {
      const serve = asset(TYPES[path.extname(file)] ?? '', () => readAsset(file));
      table[folder + path.basename(file)] = async (req, res) => {
        const refusal = authenticator.refuseBrowser(req);
        if (refusal) throw refusal;
        await serve(req, res);
      };
    }
  }
  return table;
}
