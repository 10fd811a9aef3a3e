// What `npm start`, `npm test` and `npm run check` share: packages in place, build in place.
// Uses Node's own modules alone, because it runs before anything is installed.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Runs a program to its end, passing SIGINT and SIGTERM on to it: nothing outlives this process.
 * Gives its exit code; 128 + the signal's number when a signal ended it, 127 when it is missing.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    /** @param {NodeJS.Signals} signal */
    const pass = (signal) => void child.kill(signal);
    process.on('SIGINT', pass).on('SIGTERM', pass);
    /** @param {number} code */
    const done = (code) => {
      process.off('SIGINT', pass).off('SIGTERM', pass);
      resolve(code);
    };
    child.once('error', (error) => {
      console.error(`rondo: cannot run ${command}: ${error.message}`);
      done(127);
    });
    child.once('close', (code, signal) => {
      done(signal ? 128 + (signal === 'SIGINT' ? 2 : 15) : (code ?? 1));
    });
  });
}

/**
 * Runs a program and ends this process with its exit code when it fails.
 * @param {string} command
 * @param {readonly string[]} args
 */
async function must(command, args) {
  const code = await run(command, args);
  if (code !== 0) process.exit(code);
}

/**
 * True when `node_modules` holds the versions that the lock file asks for. Compares contents, not
 * times: a checkout changes times without changing versions, and the other way round.
 * @param {string} directory the folder with package-lock.json
 */
export function isInstalled(directory) {
  let wanted;
  let present;
  try {
    wanted = JSON.parse(readFileSync(join(directory, 'package-lock.json'), 'utf8')).packages;
    const hidden = join(directory, 'node_modules', '.package-lock.json');
    present = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  } catch {
    return false;
  }
  return Object.entries(wanted).every(
    ([path, entry]) =>
      // Optional packages are the binaries of other platforms; npm leaves them out.
      path === '' || entry.optional || present[path]?.version === entry.version,
  );
}

/** Installs the packages of the lock file when they are missing or of other versions. */
export async function ensureInstalled() {
  if (isInstalled(root)) return;
  console.error('rondo: installing (npm ci)');
  // Without scripts: `prepare` would build what ensureBuilt builds next.
  await must(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
}

/**
 * Builds the addon and the TypeScript sources.
 * @param {{ nativeOptional: boolean }} options with nativeOptional, no C compiler is no failure
 */
export async function ensureBuilt({ nativeOptional }) {
  const args = nativeOptional ? ['--native-optional'] : [];
  await must(process.execPath, [join(root, 'scripts', 'build.js'), ...args]);
}

/** How npm is called on this platform. */
export const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
