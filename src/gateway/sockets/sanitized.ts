/** Messages under the sanitizer: what `view` gave is over when the message is. */
import type { Arena, Sanitizer } from '../../memory/index.ts';
import type { Message } from './message.ts';

/** Puts the sanitizer's methods on a message. */
export function watchMessage(message: Message, arena: Arena, sanitizer: Sanitizer): void {
  /** What views belong to: another one each time the message begins. */
  let life: object | undefined;
  const over = (): void => {
    if (life) sanitizer.end(life, 'the message is over: its handler ended, or it was released');
    life = undefined;
  };
  const begin = message.begin.bind(message);
  const view = message.view.bind(message);
  const retain = message.retain.bind(message);
  const end = message.end.bind(message);
  message.begin = (opcode, offset, length) => {
    over();
    begin(opcode, offset, length);
  };
  message.view = () => {
    const bytes = view();
    if (!message.isIn(arena)) return bytes;
    if (!life) {
      const what = `message of ${bytes.length} bytes`;
      life = {};
      sanitizer.lend(arena.memory.buffer, life, {
        offset: message.offset,
        length: bytes.length,
        what,
      });
    }
    return sanitizer.view(life, bytes);
  };
  message.retain = () => {
    const retained = retain();
    watchMessage(retained, arena, sanitizer);
    return retained;
  };
  message.end = () => {
    over();
    end();
  };
}
