import { exceeds } from '../../util/json-object';
import type { Logger } from '../../util/logger';
import { sha256 } from '../../util/sha256';
import { CatalogueHistory } from './catalogue-changes';
import { compileArguments } from '../schema/arguments';
import type { Tool, ToolDefinition } from './tool';

/** Far below the depth at which `JSON.stringify` overflows the stack. */
const MAX_DEPTH = 500;

/** The current tools of one server, by path and name. Replaced as a whole when the server's list changes. */
export class Catalogue<E extends { readonly tool: Tool }> {
  readonly #server: string;
  readonly #isServed: (name: string) => boolean;
  readonly #logger: Logger;
  readonly #makeEntry: (tool: Tool) => E;
  readonly #changes = new CatalogueHistory();
  #uncheckedCalls = 0;
  #byName = new Map<string, E>();
  #byPath = new Map<string, E>();

  /** @param makeEntry - makes the router's entry of a tool, once for each definition */
  constructor(server: string, isServed: (name: string) => boolean, logger: Logger, makeEntry: (tool: Tool) => E) {
    this.#server = server;
    this.#isServed = isServed;
    this.#logger = logger;
    this.#makeEntry = makeEntry;
  }

  get entries(): readonly E[] {
    return [...this.#byName.values()];
  }

  /** Calls so far whose arguments have passed without a full check. */
  get uncheckedCalls(): number {
    return this.#uncheckedCalls;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Finds a tool by its percent-encoded path below the server's, such as `read_file` or `a%2Fb`. */
  find(path: string): E | undefined {
    const entry = this.#byPath.get(path);
    if (entry || !path.includes('%')) return entry ?? this.#byName.get(path);
    try {
      return this.#byName.get(decodeURIComponent(path));
    } catch {
      return undefined; // malformed percent-encoding
    }
  }

  named(name: string): E | undefined {
    return this.#byName.get(name);
  }

  /** Replaces the list, and logs the changes. A tool with an unchanged definition keeps its entry. */
  replace(definitions: readonly ToolDefinition[]): void {
    const byName = new Map<string, E>();
    const byPath = new Map<string, E>();
    for (const definition of definitions) {
      const { name } = definition;
      if (!this.#isServed(name)) continue;
      const version = versionOf(definition);
      const defect = byName.has(name)
        ? 'its name is taken'
        : isReachable(name)
          ? undefined
          : 'no URL can hold its name';
      if (version === undefined || defect !== undefined) {
        const reason = defect ?? 'its definition is nested too deeply';
        this.#logger.warn(`mcpo: server ${this.#server}: tool ${JSON.stringify(name)} is left out: ${reason}`);
        continue;
      }
      const known = this.#byName.get(name);
      const entry = known?.tool.version === version ? known : this.#makeEntry(this.#build(definition, version));
      const { path } = entry.tool;
      byName.set(name, entry);
      byPath.set(path.slice(path.indexOf('/', 1) + 1), entry);
    }
    const changes = this.#changes.take(this.#byName, byName);
    if (changes) this.#logger[changes.level](`mcpo: server ${this.#server}: its tools have changed: ${changes.text}`);
    this.#byName = byName;
    this.#byPath = byPath;
  }

  #build(definition: ToolDefinition, version: string): Tool {
    const compiled = compileArguments(definition.inputSchema, {
      warn: (message) => this.#logger.warn(`mcpo: tool ${this.#server}/${definition.name}: ${message}`),
      unchecked: () => (this.#uncheckedCalls += 1),
    });
    return {
      server: this.#server,
      name: definition.name,
      path: `/${encodeURIComponent(this.#server)}/${encodeToolPath(definition.name)}`,
      definition,
      version,
      inputSchema: compiled.inputSchema,
      takesArguments: compiled.takesArguments,
      check: (args) => compiled.check(args),
    };
  }
}

/** A tool's name as path segments. If clients would normalise segments away, its slashes are encoded too. */
function encodeToolPath(name: string): string {
  const segments = name.split('/');
  const vanishes = segments.some((segment) => segment === '' || segment === '.' || segment === '..');
  return vanishes ? encodeURIComponent(name) : segments.map(encodeURIComponent).join('/');
}

/** Clients resolve `.` and `..`, even encoded, before they send a path; UTF-8 has no lone surrogates. */
function isReachable(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && name.isWellFormed();
}

/** The SHA-256 of a definition; `undefined` if it is nested too deeply. */
function versionOf(definition: ToolDefinition): string | undefined {
  if (exceeds(definition, MAX_DEPTH)) return undefined;
  return sha256(JSON.stringify(definition));
}
