/** Who makes a call. */
export interface Identity {
  /** Who calls, as the host or the API key says; `undefined` for nobody in particular. */
  readonly principal: string | undefined;
  /** Equal for calls that may be given each other's answers; `undefined` for nobody in particular. */
  readonly scope: string | undefined;
  /** Over whose connections the call goes; `undefined` for the server's own. */
  readonly caller: Caller | undefined;
}

/** Whose connections a call goes over, where they may not be anybody else's. */
export interface Caller {
  /** Equal exactly when the forwarded headers are and, with a server that keeps state, principal and session too. */
  readonly id: string;
  /** Who may have only so many sessions; `undefined` without sessions. */
  readonly owner?: string | undefined;
  /** The caller's headers that go on, by their lower-case upstream name. */
  readonly headers: Readonly<Record<string, string>>;
}
