import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { McpError, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { answerSendFailures, sendFailureOf } from '../../../lib/mcp/session/send-failure';

const full = new Error('no room');
const transport = (): Transport & { readonly got: JSONRPCMessage[] } => {
  const got: JSONRPCMessage[] = [];
  return {
    got,
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
    send: () => Promise.reject(full),
    onmessage: (message) => got.push(message),
  };
};

it('a request that cannot be sent is answered with the reason', async () => {
  const broken = transport();
  answerSendFailures(broken);
  await broken.send({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: {} });
  expect(broken.got).toEqual([{ jsonrpc: '2.0', id: 7, error: { code: -32000, message: 'no room', data: full } }]);
});

it('what nobody waits for is not', async () => {
  const broken = transport();
  answerSendFailures(broken);
  await expect(broken.send({ jsonrpc: '2.0', method: 'notifications/cancelled' })).rejects.toBe(full);
  expect(broken.got).toEqual([]);
});

it('only a reason of our own is one', () => {
  expect(sendFailureOf(McpError.fromError(-32000, 'x', full))).toBe(full);
  expect(sendFailureOf(McpError.fromError(-32000, 'x', { message: 'x' }))).toBeUndefined();
  expect(sendFailureOf(full)).toBeUndefined();
});
