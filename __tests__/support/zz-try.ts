import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { Forked } from './forked';
const N = Number(process.argv[2] ?? 4000);
const C = Number(process.argv[3] ?? 16);
async function main() {
  const server = new Forked('servers/streamable.js');
  const url = await server.next<string>();
  const app = new Forked('zz-app.ts', [url]);
  const base = await app.next<string>();
  const agent = new Agent({ keepAlive: true, maxSockets: C });
  const call = (n: number) => new Promise<void>((resolve, reject) => {
    const body = JSON.stringify({ n });
    const req = request(`${base}/web/echo`, { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (res) => {
      text(res).then((t) => (res.statusCode === 200 && t === body) ? resolve() : reject(new Error(`${res.statusCode} ${t}`)), reject);
    });
    req.on('error', reject); req.end(body);
  });
  let n = 0;
  const many = async (count: number) => {
    const end = n + count;
    const t = performance.now();
    await Promise.all(Array.from({ length: C }, async () => { while (n < end) await call(n++); }));
    return count / (performance.now() - t) * 1000;
  };
  await many(2000);
  for (let i = 0; i < 3; i++) {
    const a: any = await app.ask('x'); const me = process.cpuUsage();
    const r = await many(N);
    const b: any = await app.ask('x'); const me2 = process.cpuUsage();
    console.log(Math.round(r), '/s; app cpu/call ms', ((b.cpu.user + b.cpu.system - a.cpu.user - a.cpu.system) / N / 1000).toFixed(3), 'sys', ((b.cpu.system-a.cpu.system)/N/1000).toFixed(3), 'me', ((me2.user+me2.system-me.user-me.system)/N/1000).toFixed(3), 'conn', b.connections, 'rss', (b.rss/2**20).toFixed(1));
  }
  await app.end(); await server.end(); agent.destroy();
}
void main();
