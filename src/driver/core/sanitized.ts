/**
 * A driver under the sanitizer: memory is the kernel's from the submission of an operation to its
 * final completion, and a receive buffer is it whenever it is not lent. The driver itself knows
 * nothing of it: methods are replaced on the objects.
 */
import type { Sanitizer, Submission } from '../../memory/index.ts';
import { STAT_BYTES, VECTOR_ENTRY_BYTES, type OperationId } from '../driver.ts';
import type { BaseDriver } from './base-driver.ts';
import { Op } from './operations.ts';

let drivers = 0;

/** Puts the sanitizer's methods on a driver. */
export function watchDriver(driver: BaseDriver, sanitizer: Sanitizer): void {
  // Keys of operations are unique among the drivers of an arena.
  const prefix = `${(drivers += 1)}:`;
  watchSubmissions(driver, sanitizer);
  watchSends(driver, sanitizer, prefix);
  watchFiles(driver, sanitizer, prefix);
  watchBuffers(driver, sanitizer);
}

/** Before anything is taken: what is wrong leaves nothing behind in the driver. */
function watchSubmissions(driver: BaseDriver, sanitizer: Sanitizer): void {
  const { buffer } = driver.arena.memory;
  const check = (what: string, offset: number, length: number): void => {
    if (!driver.inBounds(offset, length)) return;
    sanitizer.checkSubmission(buffer, { offset, length, what, writes: false });
  };
  const send = driver.send.bind(driver);
  const sendVector = driver.sendVector.bind(driver);
  const sendMany = driver.sendMany.bind(driver);
  driver.send = (connection, token, offset, length) => {
    check('send', offset, length);
    return send(connection, token, offset, length);
  };
  driver.sendVector = (connection, token, vector, count) => {
    if (vector % 4 === 0 && driver.inBounds(vector, count * VECTOR_ENTRY_BYTES)) {
      const { unsigned } = driver.arena;
      for (let entry = vector / 4; entry < vector / 4 + count * 2; entry += 2) {
        check('send of a vector', unsigned[entry]!, unsigned[entry + 1]!);
      }
    }
    return sendVector(connection, token, vector, count);
  };
  driver.sendMany = (connections, count, token, offset, length) => {
    check('send to many', offset, length);
    return sendMany(connections, count, token, offset, length);
  };
}

/** From its place in a queue to the end of its entry in the table, whichever driver serves it. */
function watchSends(driver: BaseDriver, sanitizer: Sanitizer, prefix: string): void {
  const { operations, sends } = driver;
  const { buffer } = driver.arena.memory;
  /** The last member of a `sendMany`: all of them have the same bytes. */
  let member = -1;
  const push = sends.push.bind(sends);
  sends.push = (slot, op) => {
    push(slot, op);
    if (operations.kind[op] !== Op.SEND) return;
    const offset = operations.offset[op]!;
    const length = operations.length[op]!;
    const group = operations.group[op]!;
    const isSame = group >= 0 && member >= 0 && operations.group[member] === group;
    const like = isSame ? prefix + member : undefined;
    sanitizer.submitted(buffer, prefix + op, { offset, length, what: 'send', writes: false }, like);
    member = group >= 0 ? op : -1;
  };
  const free = operations.free.bind(operations);
  operations.free = (op) => {
    if (op === member) member = -1;
    free(op);
    sanitizer.completed(buffer, prefix + op);
  };
}

function watchFiles(driver: BaseDriver, sanitizer: Sanitizer, prefix: string): void {
  const { buffer } = driver.arena.memory;
  const submit = (submission: Submission, start: () => OperationId): OperationId => {
    const { offset, length } = submission;
    if (driver.inBounds(offset, length)) sanitizer.checkSubmission(buffer, submission);
    const id = start();
    // Completions are delivered from a turn: it is in the table still.
    if (id > 0) sanitizer.submitted(buffer, prefix + driver.operations.find(id), submission);
    return id;
  };
  const readFile = driver.readFile.bind(driver);
  const writeFile = driver.writeFile.bind(driver);
  const statFile = driver.statFile.bind(driver);
  driver.readFile = (file, token, offset, length, position) =>
    submit({ offset, length, what: 'read of a file', writes: true }, () =>
      readFile(file, token, offset, length, position),
    );
  driver.writeFile = (file, token, offset, length, position) =>
    submit({ offset, length, what: 'write to a file', writes: false }, () =>
      writeFile(file, token, offset, length, position),
    );
  driver.statFile = (file, token, offset) =>
    submit({ offset, length: STAT_BYTES, what: 'stat of a file', writes: true }, () =>
      statFile(file, token, offset),
    );
}

/** A receive buffer is the program's between its completion and its release. */
function watchBuffers(driver: BaseDriver, sanitizer: Sanitizer): void {
  const { pool } = driver;
  const { buffer: memory } = driver.arena.memory;
  const received = driver.received.bind(driver);
  driver.received = (op, length, buffer) => {
    const offset = pool.offset(buffer);
    sanitizer.checkUntouched(memory, offset, offset + length);
    sanitizer.taken(memory, {
      offset,
      length: pool.bufferSize,
      what: `receive buffer with ${length} bytes`,
    });
    received(op, length, buffer);
  };
  const takeBack = pool.takeBack.bind(pool);
  pool.takeBack = (offset) => {
    const buffer = takeBack(offset);
    sanitizer.givenToKernel(memory, pool.offset(buffer));
    return buffer;
  };
}
