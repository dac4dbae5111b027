/** How the page is built: hashed names, nothing inline, no source maps, and each text also as .br and .gz. */
import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const here = import.meta.dirname;
const sources = path.resolve(here, '../../src');
const target = path.resolve(here, '../../dist/dashboard');
const LICENSES = 'licenses.md';

/** Writes FILE.br and FILE.gz beside every file, so that the API compresses nothing while it serves. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    closeBundle() {
      for (const name of readdirSync(target, { recursive: true, encoding: 'utf8' })) {
        const file = path.join(target, name);
        if (statSync(file).isDirectory()) continue;
        const bytes = readFileSync(file);
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }));
        writeFileSync(`${file}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}

/** Packages whose code is in the worker: the list of licenses that Vite writes has only those of the page. */
const workerPackages = new Set<string>();

function notePackages(): Plugin {
  return {
    name: 'note-packages',
    moduleParsed({ id }) {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
      if (name !== undefined) workerPackages.add(name);
    },
  };
}

function workerLicenses(): Plugin {
  return {
    name: 'worker-licenses',
    apply: 'build',
    closeBundle() {
      for (const name of [...workerPackages].sort()) {
        const folder = path.resolve(here, '../../node_modules', name);
        const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
        if (file === undefined) throw new Error(`The package ${name} of the worker has no license file.`);
        const text = readFileSync(path.join(folder, file), 'utf8').trim();
        appendFileSync(path.join(target, LICENSES), `\n## ${name}\n\n${text}\n`);
      }
    },
  };
}

export default defineConfig({
  root: here,
  // Relative: a proxy may serve the page under any path prefix.
  base: './',
  plugins: [workerLicenses(), compressed()],
  resolve: {
    alias: [
      // The rules for rows are the server's own code, which takes these two from Node.
      { find: 'node:buffer', replacement: path.join(here, 'src/check/node-buffer.ts') },
      { find: 'csv-parse/sync', replacement: 'csv-parse/browser/esm/sync' },
      { find: /^#(?=[a-z])/, replacement: `${sources}/` },
    ],
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es', plugins: () => [notePackages()] },
  build: {
    outDir: target,
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    // A data: address would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Of what is bundled; beside the page, not served.
    license: { fileName: LICENSES },
  },
});
