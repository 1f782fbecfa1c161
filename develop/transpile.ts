/**
 * TypeScript to JavaScript, file by file and without looking at types: that takes milliseconds, where a check takes
 * seconds; editors and `npm run lint` check.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

/** A file, and where its JavaScript goes. */
export interface Source {
  readonly path: string;
  readonly target: string;
}

export interface Request {
  /** Folder of the app, in which all other paths are. */
  readonly folder: string;
  /** The tsconfig.json that says how. */
  readonly config: string;
  readonly sources: readonly Source[];
}

export interface Translated extends Source {
  readonly text: string;
  /** What isn't TypeScript, such as `src/main.ts(3,1): ';' expected.` */
  readonly problems: readonly string[];
}

/** What is gone has no translation. */
export function transpile({ folder, config, sources }: Request): Translated[] {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(folder, config), (path) => ts.sys.readFile(path)).config,
    ts.sys,
    folder,
  );
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const isModule =
    typeof manifest === 'object' && manifest !== null && 'type' in manifest && manifest.type === 'module';
  return sources.flatMap(({ path, target }) => {
    if (!existsSync(join(folder, path))) return [];
    const {
      outputText,
      sourceMapText,
      diagnostics = [],
    } = ts.transpileModule(readFileSync(join(folder, path), 'utf8'), {
      fileName: path,
      reportDiagnostics: true,
      compilerOptions: {
        ...options,
        // A file by itself doesn't know of the package that it is in.
        module: isModule ? ts.ModuleKind.ESNext : ts.ModuleKind.CommonJS,
        sourceMap: true,
        inlineSourceMap: false,
        inlineSources: true,
      },
    });
    const text = withMap(outputText, sourceMapText, relative(dirname(target), path));
    return [{ path, target, text, problems: diagnostics.flatMap(describe) }];
  });
}

/**
 * Puts the source map into the file. It leads from what runs to what was written, so that a debugger finds that in the
 * checkout as well as in the pod; TypeScript names the source by options that are about the whole app.
 */
function withMap(text: string, map: string | undefined, source: string): string {
  if (map === undefined) return text;
  const made: unknown = JSON.parse(map);
  const data = JSON.stringify({ ...Object(made), sourceRoot: '', sources: [source] });
  const url = `data:application/json;base64,${Buffer.from(data).toString('base64')}`;
  return text.replace(/^\/\/# sourceMappingURL=.*$/m, `//# sourceMappingURL=${url}`);
}

/** Nothing of what is about the options alone. */
function describe({ file, start = 0, messageText }: ts.Diagnostic): string[] {
  if (file === undefined) return [];
  const { line, character } = file.getLineAndCharacterOfPosition(start);
  const text = ts.flattenDiagnosticMessageText(messageText, ' ');
  return [`${file.fileName}(${line + 1},${character + 1}): ${text}`];
}
