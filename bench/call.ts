import { type Agent, request } from 'node:http';

/** The answer to one call. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Calls a tool once. */
export function call(url: string, args: object, agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json' };
    const outgoing = request(url, { method: 'POST', headers, ...(agent && { agent }) }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    outgoing.on('error', reject).end(JSON.stringify(args));
  });
}
