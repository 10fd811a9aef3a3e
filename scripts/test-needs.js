// What the tests need from the system: a C compiler and a browser. Installed through apt where that
// is possible, named where it is not.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Something a test cannot do without.
 * @typedef {object} Need
 * @property {string} what for messages
 * @property {string} variable environment variable that names the program and is set for the tests
 * @property {readonly string[]} programs any of these will do
 * @property {readonly string[]} packages the Debian packages that bring it
 */

/** @type {Need} */
export const COMPILER = {
  what: 'a C compiler',
  variable: 'CC',
  programs: ['cc', 'gcc', 'clang'],
  packages: ['gcc', 'libc6-dev'],
};

/** @type {Need} */
export const BROWSER = {
  what: 'a Chromium browser',
  variable: 'CHROMIUM_PATH',
  programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  packages: ['chromium'],
};

/**
 * The path of a program in PATH, or undefined.
 * @param {string} name
 * @param {string} [path]
 */
export function findProgram(name, path = process.env.PATH ?? '') {
  for (const directory of path.split(delimiter)) {
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/**
 * Finds what is needed, and sets its environment variable for the processes started afterwards.
 * @param {Need} need
 */
function find({ variable, programs }) {
  const found = process.env[variable] ?? programs.map((name) => findProgram(name)).find(Boolean);
  if (found !== undefined) process.env[variable] = found;
  return found !== undefined;
}

/**
 * Makes sure of every need; says what is missing and ends the process with 1 where it cannot.
 * @param {readonly Need[]} needs
 */
export function ensureNeeds(needs) {
  const missing = needs.filter((need) => !find(need));
  if (missing.length === 0) return;
  const packages = missing.flatMap((need) => need.packages);
  const names = missing.map((need) => need.what).join(' and ');
  if (process.getuid?.() === 0 && findProgram('apt-get')) {
    console.error(`rondo: installing ${packages.join(', ')} (apt-get) for ${names}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
    for (const args of [['update', '-qq'], install]) {
      spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env });
    }
  }
  for (const need of missing.filter((need) => !find(need))) {
    console.error(
      `rondo: the tests need ${need.what}: install the package ${need.packages.join(' and ')}` +
        ` (Debian's names), or name the program in ${need.variable}`,
    );
    process.exitCode = 1;
  }
  if (process.exitCode) process.exit();
}
