import autocannon from 'autocannon';

/** Stands in for wrk where that is not installed: node autocannon.js URL KIND CONNECTIONS SECONDS ARGUMENTS [REPEATED] */
async function main([url = '', kind, connections, seconds, args = '{}', repeated = '90']: string[]): Promise<void> {
  let number = Date.now() * 1_000;
  const next = (): number => {
    const isNew = kind === 'distinct' || Math.random() * 100 >= Number(repeated);
    return isNew ? ++number : Math.floor(Math.random() * 100);
  };
  const body = (): string => (kind === 'same' ? args : args.replaceAll('%d', String(next())));
  const { requests, duration, latency, errors, non2xx, timeouts } = await autocannon({
    url,
    connections: Number(connections),
    duration: Number(seconds),
    timeout: 30,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    requests: [{ setupRequest: (request) => ({ ...request, body: body() }) }],
  });
  const { mean, p50, p99 } = latency;
  const failed = errors + non2xx + timeouts;
  console.log(JSON.stringify({ requests: requests.total, seconds: duration, mean, p50, p99, errors: failed }));
}

void main(process.argv.slice(2));
