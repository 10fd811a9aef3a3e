/**
 * A process that creates or attaches: `create-or-attach` once, when it is told to, and stays;
 * `churn` all the time, until it is killed.
 */
import * as fs from 'node:fs';
import { createInterface } from 'node:readline';
import { RingDirectory } from './directory.ts';
import { namedSegment } from './fixture.test.helper.ts';

const [, , path, action] = process.argv;
const directory = RingDirectory.open(path);

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function createOrAttach(): string {
  const made = namedSegment('prices');
  try {
    directory.create('prices', made.fd, made.id);
    return `created ${made.id}`;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_RING_EXISTS') throw error;
    return `attached ${directory.attach('prices').id}`;
  }
}

function churn(): void {
  const made = namedSegment('churn');
  const holder = directory.create('churn', made.fd, made.id);
  const found = directory.attach('churn');
  holder.release();
  made.close();
  found.holder.release();
  fs.closeSync(found.fd);
}

if (action === 'churn') {
  churn();
  say('ready');
  for (;;) churn();
} else {
  const lines = createInterface({ input: process.stdin });
  lines.once('line', () => say(createOrAttach()));
  say('ready');
}
