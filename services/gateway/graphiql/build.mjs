// `make graphiql`: the page, its style sheet and the editor's workers as files in dist/, which the gateway serves.

import { copyFile, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const shared = {
  bundle: true,
  minify: true,
  legalComments: 'eof',
  outdir: 'dist',
  target: 'es2022',
  logLevel: 'warning',
};

await rm('dist', { recursive: true, force: true });
await build({
  ...shared,
  entryPoints: ['page.jsx'],
  format: 'esm',
  splitting: true,
  chunkNames: 'parts/[name]-[hash]',
  assetNames: 'parts/[name]-[hash]',
  jsx: 'automatic',
  loader: { '.ttf': 'file' },
  define: { 'process.env.NODE_ENV': '"production"' },
});
await build({
  ...shared,
  entryPoints: {
    'editor.worker': 'monaco-editor/esm/vs/editor/editor.worker.js',
    'json.worker': 'monaco-editor/esm/vs/language/json/json.worker.js',
    'graphql.worker': 'monaco-graphql/esm/graphql.worker.js',
  },
  format: 'iife',
});
await copyFile('page.html', 'dist/index.html');
