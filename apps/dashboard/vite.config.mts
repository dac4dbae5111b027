/** How the page is built: hashed names, nothing inline, no source maps, and each text also as .br and .gz. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const here = import.meta.dirname;
const sources = path.resolve(here, '../../src');
const target = path.resolve(here, '../../dist/dashboard');

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

export default defineConfig({
  root: here,
  plugins: [compressed()],
  resolve: {
    alias: [
      // The rules for rows are the server's own code, which takes these two from Node.
      { find: 'node:buffer', replacement: path.join(here, 'src/check/node-buffer.ts') },
      { find: 'csv-parse/sync', replacement: 'csv-parse/browser/esm/sync' },
      { find: /^#(?=[a-z])/, replacement: `${sources}/` },
    ],
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es' },
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
    license: { fileName: 'licenses.md' },
  },
});
