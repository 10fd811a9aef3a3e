// `npm start`: installs, builds and runs the gateway; flags go to `rondo serve`.
//   npm start -- --port 9002
// The gateway runs in this very process, so that a signal reaches it once and nothing is left over.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, root } from './install.js';

await ensureInstalled();
console.log('rondo: building');
await ensureBuilt({ nativeOptional: true });

const main = join(root, 'dist', 'src', 'cli', 'main.js');
process.argv = [process.execPath, main, 'serve', ...process.argv.slice(2)];
await import(pathToFileURL(main).href);
