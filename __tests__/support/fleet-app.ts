import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mcpoRouter } from '../../lib';
import { ownFleet } from './redis-clients';

// An instance in a process of its own, which says its port; to be killed.
const [, , redisPort, prefix = '', leaseMs, ledgerScript = '', ledgerFile = ''] = process.argv;

async function main(): Promise<void> {
  const { fleet } = await ownFleet(Number(redisPort), { prefix, leaseMs: Number(leaseMs) });
  const mcpo = mcpoRouter({
    servers: { ledger: { command: process.execPath, args: [ledgerScript, ledgerFile] } },
    cache: { store: fleet.store },
    share: { fleet: fleet.flights },
  });
  await mcpo.ready();
  const server = createServer((req, res) => {
    mcpo(req as never, res as never, () => res.destroy());
  }).listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
  process.once('disconnect', () => process.exit());
}

void main();
