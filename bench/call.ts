import { type Agent, request } from 'node:http';

/**
 * Calls a tool once; the body of the answer.
 *
 * @throws Error when the answer is not 200
 */
export function call(url: string, args: object, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json' };
    const outgoing = request(url, { method: 'POST', headers, ...(agent && { agent }) }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`answered ${response.statusCode ?? 0}: ${body}`));
      });
      response.on('error', reject);
    });
    outgoing.on('error', reject).end(JSON.stringify(args));
  });
}
