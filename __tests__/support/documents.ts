import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '../..');

/** A fenced block of a document. */
export interface Block {
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

/** A document, by its path in the repository. */
export interface Document {
  readonly name: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

function documentOf(name: string): Document {
  const text = readFileSync(path.join(root, name), 'utf8');
  const blocks = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    line: text.slice(0, match.index).split('\n').length,
    language: match[1] ?? '',
    code: match[2] ?? '',
  }));
  return { name, text, blocks };
}

/** All documents that people read. */
export const DOCUMENTS: readonly Document[] = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'examples/cluster/README.md',
  'examples/monitoring/README.md',
].map(documentOf);
