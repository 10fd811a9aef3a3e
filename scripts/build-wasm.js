// Assembles src/websocket/codec/simd.wat into simd-module.ts beside it, which is committed: what is
// installed from a clone builds without the assembler, and a compiler of TypeScript is enough to
// work on the rest. A test holds the two equal.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'src', 'websocket', 'codec', 'simd.wat');
const output = join(root, 'src', 'websocket', 'codec', 'simd-module.ts');

/** Characters of Base64 in one line, so that lines keep within 100 columns. */
const LINE = 90;

/**
 * The TypeScript that holds the assembled module.
 * @param {string} text of the module, in WebAssembly's text format
 * @returns {Promise<string>}
 * @throws {Error} with line and column when it does not assemble
 */
export async function assemble(text) {
  const { default: load } = await import('wabt');
  const wabt = await load();
  const module = wabt.parseWat('simd.wat', text, { simd: true, threads: true });
  try {
    const { buffer } = module.toBinary({});
    const lines = Buffer.from(buffer)
      .toString('base64')
      .match(new RegExp(`.{1,${LINE}}`, 'g'));
    return `// Written by scripts/build-wasm.js from simd.wat; change that and run \`npm run build\`.

/** The module of simd.wat: ${buffer.length} bytes, in Base64. */
export const SIMD_MODULE: string =
${(lines ?? []).map((line) => `  '${line}'`).join(' +\n')};
`;
  } finally {
    module.destroy();
  }
}

/** Writes the module when the source has changed. Without the assembler the committed one stays. */
export async function buildWasm() {
  if (!existsSync(source) || !existsSync(join(root, 'node_modules', 'wabt'))) return;
  const wanted = await assemble(readFileSync(source, 'utf8'));
  if (existsSync(output) && readFileSync(output, 'utf8').replaceAll('\r\n', '\n') === wanted)
    return;
  // A temporary name, then rename: a compiler at work sees the old one or the new one.
  const partial = `${output}.${process.pid}`;
  writeFileSync(partial, wanted);
  renameSync(partial, output);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildWasm();
