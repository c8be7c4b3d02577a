/** Who makes a call. */
export interface Identity {
  /** Who calls, by the host's `principal` or the API key; `undefined` for an anonymous caller. */
  readonly principal: string | undefined;
  /** The cache scope: calls of one scope may get each other's answers. `undefined` for an anonymous caller. */
  readonly scope: string | undefined;
  /** Whose connections are used; `undefined`: those that all callers share. */
  readonly caller: Caller | undefined;
}

/** A caller with connections of its own. */
export interface Caller {
  /** Identifies the forwarded headers and, with a stateful server, principal and session. */
  readonly id: string;
  /** Whose sessions are counted together; `undefined` without sessions. */
  readonly owner?: string | undefined;
  /** The forwarded headers, by their lower-case upstream name. */
  readonly headers: Readonly<Record<string, string>>;
}
