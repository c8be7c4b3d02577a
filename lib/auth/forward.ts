/** The headers of one caller that go on to a server, by their lower-case upstream name. */
export interface ForwardedHeaders {
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of names and values: equal exactly when the headers are. */
  readonly id: string;
}
