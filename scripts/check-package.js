// The rule of the package: what npm would publish has the right shape, its types resolve, and every
// subpath can be imported from it on the oldest Node that package.json promises.
//   node scripts/check-package.js --node path/to/node
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { npm, root } from './install.js';
import { conclude } from './source-files.js';

const { values: options } = parseArgs({
  options: { node: { type: 'string', default: process.execPath } },
});
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const subpaths = Object.keys(manifest.exports).filter((path) => !path.endsWith('.json'));
const directory = mkdtempSync(join(tmpdir(), 'rondo-package-'));
/** @type {string[]} */
const problems = [];

/**
 * Runs a program; what it prints becomes the problem when it fails.
 * @param {string} what
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} [cwd]
 * @returns {string} its standard output
 */
function must(what, command, args, cwd = root) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (result.status !== 0) {
    problems.push(`${what}: ${result.error?.message ?? ''}${result.stdout}${result.stderr}`.trim());
  }
  return result.stdout;
}

/** @param {string} name a program of a development dependency */
const tool = (name) => join(root, 'node_modules', '.bin', name);

try {
  // Without scripts: `prepare` would build again what was built before this check.
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory];
  const [{ filename, files }] = JSON.parse(must('npm pack', npm, pack));
  const tarball = join(directory, filename);
  for (const { path } of files) {
    // Help texts and errors name pages of the guide: those who install have them, too.
    const isOther = /^docs\/(?!guide\/|reference\/|errors\.md$)/.test(path);
    const stray = /\.test\.|\.map$|^(test|bench)\/|^dist\/(test|bench)\//.test(path) || isOther;
    if (stray) problems.push(`package: ${path} must not be published`);
  }
  must('publint', tool('publint'), ['run', tarball, '--strict']);
  must('attw', tool('attw'), [tarball, '--profile', 'esm-only', '--no-color', '--no-emoji']);

  // Unpacked where npm would put it.
  const installed = join(directory, 'node_modules', 'rondo');
  mkdirSync(installed, { recursive: true });
  must('tar', 'tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  const program = subpaths.map((path) => `await import('rondo${path.slice(1)}');`).join('\n');
  writeFileSync(join(directory, 'import.mjs'), program);
  must('import of every subpath', options.node, ['import.mjs'], directory);

  // The declarations stand on their own, for who checks libraries too.
  writeFileSync(
    join(directory, 'consumer.ts'),
    subpaths
      .map((path, index) => `export * as all${index} from 'rondo${path.slice(1)}';`)
      .join('\n'),
  );
  for (const name of ['@types', 'undici-types', '@opentelemetry']) {
    symlinkSync(join(root, 'node_modules', name), join(directory, 'node_modules', name));
  }
  const strict = ['--strict', '--noEmit', '--skipLibCheck', 'false', '--types', 'node'];
  const settings = [
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--lib',
    'es2023,esnext.disposable',
  ];
  must('types of a consumer', tool('tsc'), [...strict, ...settings, 'consumer.ts'], directory);

  // An installed package can build its addon: with what is in it and its dependencies alone.
  if (process.platform === 'linux') {
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      symlinkSync(join(root, 'node_modules', name), join(directory, 'node_modules', name));
    }
    const cli = join(installed, manifest.bin.rondo);
    must('rondo build', options.node, [cli, 'build'], directory);
    const drivers = must('rondo drivers', options.node, [cli, 'drivers'], directory);
    if (!/^epoll +available$/m.test(drivers)) {
      problems.push(`package: the addon that rondo build made does not load:\n${drivers}`);
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
conclude('package', problems, `${subpaths.length} subpaths`);
