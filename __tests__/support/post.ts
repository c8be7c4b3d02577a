/** What a caller was answered. */
export interface Answer {
  readonly status: number;
  /** Parsed; that of a problem has a `code`. */
  readonly body: unknown;
  readonly header: (name: string) => string | null;
}

/** How a call is made. */
export interface Post {
  readonly args?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Closes the connection, as a caller who leaves does. */
  readonly signal?: AbortSignal;
}

/** Calls a tool over HTTP. */
export async function post(url: string, { args = {}, headers = {}, signal }: Post = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(args),
    ...(signal && { signal }),
  });
  return {
    status: response.status,
    body: await response.json(),
    header: (name) => response.headers.get(name),
  };
}

/** A caller who can leave. */
export interface Caller {
  /** What it is answered; `undefined` when it has left before. */
  readonly answer: Promise<Answer | undefined>;
  readonly leave: () => void;
}

/** Calls a tool for a caller who may leave. */
export function caller(url: string, how: Omit<Post, 'signal'> = {}): Caller {
  const abort = new AbortController();
  const answer = post(url, { ...how, signal: abort.signal }).catch((error: unknown) => {
    if (abort.signal.aborted) return undefined;
    throw error;
  });
  return { answer, leave: () => abort.abort() };
}
