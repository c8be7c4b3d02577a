import { Counter, Histogram, type Registry } from 'prom-client';
import { Names } from './names';

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The Prometheus metrics of an app's own routes. */
export class HttpInstruments {
  readonly #requests: Counter<'route' | 'method' | 'status'>;
  readonly #duration: Histogram<'route' | 'method'>;

  /** @throws ConfigError when the registry has metrics of these names */
  constructor(registry: Registry, prefix: string) {
    const names = new Names(registry, prefix);
    const requests = names.take('http_requests_total', 'Requests, by how they were answered.', [
      'route',
      'method',
      'status',
    ]);
    const duration = names.take('http_request_duration_seconds', 'From a request to its answer.', ['route', 'method']);
    this.#requests = new Counter(requests);
    this.#duration = new Histogram(duration);
  }

  /** A request has been answered, or its caller has gone. */
  answered(route: string, request: { readonly method: string; readonly status: string }, seconds: number): void {
    // A client may send any method.
    const method = METHODS.has(request.method) ? request.method : 'other';
    this.#requests.inc({ route, method, status: request.status });
    this.#duration.observe({ route, method }, seconds);
  }
}
