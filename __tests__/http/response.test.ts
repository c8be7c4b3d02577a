import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { send } from '../../lib/http/response';

/** A response of an adapter of AWS Lambda: what stands for its socket ignores encodings, as that of `serverless-http` does. */
function lambdaResponse(req: IncomingMessage): { readonly res: ServerResponse; readonly sent: () => string } {
  const res = new ServerResponse(req);
  const chunks: Buffer[] = [];
  const write = (data: Buffer | string): boolean => {
    chunks.push(Buffer.from(data as string));
    return true;
  };
  const nothing = (): void => undefined;
  const socket = { _writableState: {}, writable: true, on: nothing, removeListener: nothing, destroy: nothing, write };
  res.assignSocket(Object.assign(socket, { cork: nothing, uncork: nothing }) as unknown as Socket);
  const sent = (): string => Buffer.concat(chunks).toString().split('\r\n\r\n').slice(1).join('');
  return { res, sent };
}

it.each([10, 3_000, 10_000])('%i characters beyond ASCII arrive whatever stands for the socket', (length) => {
  const req = new IncomingMessage(new Socket());
  const { res, sent } = lambdaResponse(req);
  const body = Buffer.from(JSON.stringify('ü🎈'.repeat(length / 2)));
  send(req, res, 200, { 'Content-Type': 'application/json' }, body);
  expect(sent()).toBe(body.toString());
  expect(res.getHeader('content-length')).toBe(body.length);
});
