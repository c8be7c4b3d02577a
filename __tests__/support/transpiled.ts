import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.join(__dirname, '../..');
const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true };

/** The library and the tests' shared code as JavaScript, for a process whose memory is not to hold a compiler. */
export class Transpiled {
  readonly #folder = path.join(root, `.tmp/transpiled-${process.pid}`);

  constructor() {
    for (const folder of ['lib', '__tests__/support']) {
      for (const file of readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })) {
        if (file.endsWith('.ts') && !file.endsWith('.d.ts')) this.#transpile(path.join(folder, file));
      }
    }
  }

  /** The path of a script of `support/`, from there. */
  script(name: string): string {
    return path.relative(__dirname, path.join(this.#folder, '__tests__/support', name.replace(/\.ts$/, '.js')));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #transpile(file: string): void {
    const source = readFileSync(path.join(root, file), 'utf8');
    const target = path.join(this.#folder, file.replace(/\.ts$/, '.js'));
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, ts.transpileModule(source, { compilerOptions }).outputText);
  }
}
