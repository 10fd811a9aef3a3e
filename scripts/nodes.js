// Brings other Node versions for the tests: npm packages carry the binaries.
//   node scripts/nodes.js 22 24 26     prints their paths
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npm, root, run } from './install.js';

/** The majors that the matrix of `npm run check -- --matrix` adds to the machine's own Node. */
export const MATRIX_MAJORS = ['22', '24', '26'];

/**
 * The path of a Node binary, downloaded at first use and kept in node_modules/.cache.
 * @param {string} version a major such as `22`, or a whole version such as `20.19.0`
 * @returns {Promise<string>}
 * @throws {Error} when there is no such package for this machine, or no network
 */
export async function obtainNode(version) {
  if (!/^\d+(\.\d+){0,2}$/.test(version)) {
    throw new Error(`Cannot obtain Node ${version}: it must be a version such as 22 or 22.12.0`);
  }
  const name = `node-${process.platform}-${process.arch}`;
  const cache = join(root, 'node_modules', '.cache', 'rondo-nodes', version);
  const binary = join(cache, 'node_modules', name, 'bin', 'node');
  if (!existsSync(binary)) {
    mkdirSync(cache, { recursive: true });
    const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
    const install = ['install', '--prefix', cache, ...flags, '--loglevel=error'];
    // Into stderr: stdout is for the paths.
    const stdio = /** @type {const} */ (['ignore', 2, 2]);
    const code = await run(npm, [...install, `${name}@${version}`], { stdio: [...stdio] });
    if (code !== 0) throw new Error(`Cannot obtain Node ${version}: npm ended with ${code}`);
  }
  const said = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim();
  if (!`${said}.`.startsWith(`v${version}.`)) {
    throw new Error(`Cannot use ${binary} as Node ${version}: it says ${said}`);
  }
  return binary;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = process.argv.slice(2);
  for (const version of asked.length > 0 ? asked : MATRIX_MAJORS) {
    console.log(await obtainNode(version));
  }
}
