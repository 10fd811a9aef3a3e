// The rule of the layers: which folder of src/ may import which, and which folder alone may open a
// dangerous door (Atomics, the clock, chance, the environment, native code).
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './install.js';
import { conclude, importsOf, lineAt, parse, readFiles, walk } from './source-files.js';

/** @typedef {import('./source-files.js').Files} Files */
/** @typedef {import('./source-files.js').Node} Node */

/**
 * Each folder of src/ with the folders that it may import. A new folder gets its line here, below
 * everything that it stands on. A folder inside another may have a line of its own, with a door of
 * its own and without what the outer one may import.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const LAYERS = {
  base: [],
  atomics: ['base'],
  native: ['base', 'atomics'],
  memory: ['base', 'atomics', 'native'],
  ring: ['base', 'atomics', 'native', 'memory'],
  driver: ['base', 'atomics', 'native', 'memory'],
  // Wakers between threads are rings of the driver's doorbell; everything else is its own.
  task: ['base', 'atomics', 'memory', 'driver'],
  runtime: ['base', 'atomics', 'memory', 'driver', 'task'],
  testing: ['task', 'runtime'],
  net: ['base', 'memory', 'driver', 'task', 'runtime'],
  fs: ['base', 'memory', 'driver', 'task', 'runtime'],
  // No sockets: they see bytes and offsets.
  http: ['base'],
  'websocket/codec': ['base'],
  // Memory in, memory out: zlib through the addon, or Node's.
  deflate: ['base', 'native', 'memory'],
  websocket: ['base', 'atomics', 'memory', 'driver', 'http', 'deflate', 'websocket/codec'],
  gateway: ['base', 'atomics', 'memory', 'ring', 'driver', 'http', 'deflate', 'websocket'],
  // Types alone of the gateway: whoever wants traces loads it, nobody else does.
  telemetry: ['base', 'gateway'],
  // Stands beside the rest: the product never imports it.
  checker: ['base', 'atomics'],
  cli: ['base', 'checker', 'memory', 'ring', 'driver', 'http', 'websocket', 'gateway'],
};

/** The door of the package as a whole. */
const ROOT_DOOR = 'src/index.ts';

/** Names that resolve through `imports` of package.json. */
const ALIASES = new Map([
  ['#atomics', 'src/atomics/index.ts'],
  ['#sanitizer', 'src/memory/sanitizer/off.ts'],
]);

/**
 * What only some places may use, and what everybody else uses instead. A place is a folder, ending
 * in `/`, or a file.
 * @type {readonly { uses: readonly string[], places: readonly string[], instead: string }[]}
 */
export const DOORS = [
  {
    uses: ['Atomics'],
    places: ['src/atomics/', 'src/checker/program/'],
    instead: 'import #atomics',
  },
  {
    uses: ['Date.now', 'new Date', 'performance.now', 'process.hrtime', 'process.uptime'],
    places: ['src/base/clock.ts'],
    instead: 'take a Clock of src/base/clock.ts',
  },
  {
    uses: ['Math.random', 'crypto.getRandomValues'],
    places: ['src/base/random.ts'],
    instead: 'take a Random of src/base/random.ts',
  },
  {
    uses: ['process.env'],
    places: ['src/cli/', 'src/driver/choose.ts'],
    instead: 'take an option; only commands and the choice of the driver read the environment',
  },
  {
    uses: ['process.dlopen', 'createRequire', 'require'],
    places: ['src/native/'],
    instead: 'import src/native/index.ts, the one loader of native code',
  },
];

/** @param {string} path */
const isTest = (path) => /\.test(-d)?\./.test(path); // Helpers and workers of tests too.
/** @param {string} path */
const folderOf = (path) => {
  const [, outer = '', inner = ''] = path.split('/');
  return `${outer}/${inner}` in LAYERS ? `${outer}/${inner}` : outer;
};

/**
 * Checks the files of src/; gives one line for each problem.
 * @param {Files} files
 * @returns {string[]}
 */
export function checkLayers(files) {
  const problems = [];
  /** @type {Map<string, string[]>} */
  const graph = new Map();
  for (const [path, text] of files) {
    if (path === ROOT_DOOR) {
      // What the package gives as `rondo` itself; nothing inside imports it.
      continue;
    }
    if (!(folderOf(path) in LAYERS)) {
      problems.push(`${path}: its folder is not in the table of scripts/check-layers.js`);
      continue;
    }
    /** @type {string[]} */
    const targets = [];
    for (const { specifier, typeOnly, start } of importsOf(path, text)) {
      const at = `${path}:${lineAt(text, start)}`;
      const target = resolve(path, specifier);
      if (target === undefined) continue;
      const problem = importProblem(path, target, specifier);
      if (problem) problems.push(`${at}: ${problem}`);
      // Types are gone when the program runs: only what is really loaded can turn in a circle.
      if (!typeOnly) targets.push(target);
    }
    if (!isTest(path)) {
      graph.set(path, targets);
      problems.push(...doorProblems(path, text));
    }
  }
  return [...problems, ...cycles(graph).map((cycle) => `cycle: ${cycle.join(' → ')}`)];
}

/**
 * The file that a specifier means, or undefined when it is a package or a module of Node.
 * @param {string} path
 * @param {string} specifier
 */
function resolve(path, specifier) {
  if (specifier.startsWith('.')) {
    // `new URL('./worker.js', import.meta.url)` names the output of worker.ts.
    return posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts');
  }
  return ALIASES.get(specifier);
}

/**
 * @param {string} path
 * @param {string} target
 * @param {string} specifier
 * @returns {string | undefined}
 */
function importProblem(path, target, specifier) {
  const from = folderOf(path);
  if (target.endsWith('.node')) {
    return from === 'native' ? undefined : `loads ${specifier}: only src/native/ loads native code`;
  }
  if (!target.startsWith('src/')) {
    if (isTest(path)) return undefined;
    return `imports ${specifier}: src/ must not import what stands outside it`;
  }
  const to = folderOf(target);
  if (to === from) return undefined;
  if (to === 'atomics' && !ALIASES.has(specifier)) {
    return `imports ${specifier}: it must be imported as #atomics`;
  }
  // A test may look down from anywhere (a gateway test may use a driver), but uses the doors too.
  if (!isTest(path) && !LAYERS[from]?.includes(to)) {
    return `imports ${specifier}: ${from} must not import ${to}`;
  }
  if (target !== `src/${to}/index.ts`) {
    return `imports ${specifier}: other folders are imported through their index.ts alone`;
  }
  return undefined;
}

/**
 * @param {string} path
 * @param {string} text
 */
function doorProblems(path, text) {
  /** @type {string[]} */
  const problems = [];
  walk(parse(path, text).program, (node, ancestors) => {
    const use = useOf(node, ancestors.at(-1));
    const door = DOORS.find(({ uses }) => use !== undefined && uses.includes(use));
    if (!door || door.places.some((place) => path.startsWith(place))) return;
    problems.push(`${path}:${lineAt(text, node.start)}: uses ${use}: ${door.instead}`);
  });
  return problems;
}

/**
 * The dotted name that a node uses, `new X` for a constructor: for the table of doors.
 * @param {Node} node
 * @param {Node | undefined} parent
 * @returns {string | undefined}
 */
function useOf(node, parent) {
  if (node.type === 'NewExpression' && node.arguments.length === 0)
    return `new ${node.callee.name}`;
  if (node.type === 'MemberExpression' && !node.computed) {
    const object = node.object.name ?? node.object.property?.name;
    return `${object}.${node.property.name}`;
  }
  // A name that is only a key (`x.Atomics`, `{ Atomics: 1 }`) is no use of the global.
  const isKey = parent?.property === node || parent?.key === node;
  return node.type === 'Identifier' && !isKey ? node.name : undefined;
}

/**
 * The cycles of a graph, each found once, starting at its first file in the order of the graph.
 * @param {Map<string, string[]>} graph
 * @returns {string[][]}
 */
export function cycles(graph) {
  /** @type {string[][]} */
  const found = [];
  const finished = new Set();
  /** @type {string[]} */
  const path = [];
  /** @param {string} file */
  const visit = (file) => {
    const start = path.indexOf(file);
    if (start !== -1) {
      found.push([...path.slice(start), file]);
      return;
    }
    if (finished.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    finished.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = readFiles(root, ['src'], /(?<!\.d)\.ts$/);
  conclude('layers', checkLayers(files), `${files.size} files`);
}
