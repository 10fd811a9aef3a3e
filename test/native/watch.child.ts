// A process that ends while its slots are armed: node watch.child.js <how> <backend>.
import { Arena } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';
import { turns, Watcher } from './watcher.ts';

const [mode, backend] = process.argv.slice(2);
const arena = Arena.create({ size: 1 << 20 });
const native = loadNative();
native.attachArena(arena.bytes);
const word = arena.allocate('words', 4096).offset;
const watcher = new Watcher(arena, Number(backend));
for (let slot = 1; slot < 256; slot++) watcher.arm(slot, word, 0);
await turns();

switch (mode) {
  case 'end':
    // A watch does not keep the process.
    break;
  case 'exit':
    watcher.also = () => process.exit(3);
    break;
  case 'throw':
    watcher.also = () => {
      throw new Error('thrown in the callback');
    };
    break;
  case 'reject':
    void Promise.reject(new Error('rejected beside it'));
    break;
  case 'term':
    process.kill(process.pid, 'SIGTERM');
    native.futexWaitBlocking(word, 0, 10_000);
    break;
  default:
    throw new Error(`there is no way ${mode} to end`);
}
if (mode === 'exit' || mode === 'throw') {
  watcher.arm(0, word, 1);
  await watcher.next();
}
