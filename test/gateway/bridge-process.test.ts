/** Bridges to engines in processes of their own, which are killed. */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { createGateway, type Bridge, type Gateway } from '../../src/gateway/index.ts';
import { nativeStatus } from '../../src/native/index.ts';
import { Channel } from '../../src/ring/index.ts';
import { MESSAGES, type Note, type TestChannel } from './bridge-messages.ts';
import { Client, Opcode } from './client.ts';
import { until } from './fixture.ts';

const program = new URL('bridge-engine.js', import.meta.url);
const skip = nativeStatus().available ? false : 'there is no addon, so processes share no memory';

let directory: string;
let channel: TestChannel;
let gateway: Gateway;
let bridge: Bridge<Note, Note, 'payload', 'payload'>;
let engine: ChildProcess | undefined;
const said: string[] = [];

/** Starts an engine; resolves when it has said that it is ready. */
async function startEngine(): Promise<ChildProcess> {
  engine = fork(program, [directory, channel.name]);
  await once(engine, 'message');
  return engine;
}

async function ask(child: ChildProcess, what: string): Promise<void> {
  child.send(what);
  const [answer] = await once(child, 'message');
  assert.deepEqual(answer, what);
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

before(async () => {
  if (skip !== false) return;
  directory = mkdtempSync(join(tmpdir(), 'rondo-bridge-'));
  channel = Channel.create(MESSAGES, { name: 'asked', directory });
  gateway = createGateway({ port: 0, host: '127.0.0.1' });
  bridge = gateway.bridge(channel, {
    response(answer) {
      const connection = bridge.connection(answer.client);
      if (connection?.send(bridge.message(answer, 'payload')) !== 'closed') said.push('answer');
    },
    up: () => void said.push('up'),
    down: (reason) => void said.push(reason),
  });
  gateway.websocket('/ask', {
    async message(connection, message) {
      const result = await bridge.submit(connection, (request, client) => {
        request.client = client;
        request.number = 0;
        request.payload = message.view();
      });
      if (result !== 'submitted') connection.send(result);
    },
  });
  await gateway.listen();
});

after(async () => {
  if (skip !== false) return;
  if (engine?.exitCode === null && engine.signalCode === null) await kill(engine);
  await gateway.close({ deadlineMs: 0 });
  channel.close();
  rmSync(directory, { recursive: true });
});

it(
  'bridge: an engine is killed, its successor goes on with what was submitted',
  { skip },
  async () => {
    const client = await Client.open(gateway.address!, '/ask');
    client.send(Opcode.TEXT, 'too early');
    assert.equal(await client.text(), 'down');
    const first = await startEngine();
    await until(() => bridge.state === 'up', 'the engine is seen');
    client.send(Opcode.TEXT, 'hello');
    assert.equal(await client.text(), 'hello');

    await ask(first, 'hold');
    const before = bridge.counters().requests;
    for (let i = 0; i < 100; i++) client.send(Opcode.TEXT, `${i}`);
    await until(() => bridge.counters().requests === before + 100, 'all were submitted');
    await kill(first);
    await until(() => bridge.state === 'down', 'its death is noticed');
    client.send(Opcode.TEXT, 'to nobody');
    assert.equal(await client.text(), 'down');

    await startEngine();
    // At least once: the successor may be given again what was being handled.
    const answers = [];
    while (answers.at(-1) !== '99') answers.push(await client.text());
    const unique = [...new Set(answers)];
    assert.deepEqual(
      unique,
      Array.from({ length: 100 }, (_, i) => `${i}`),
    );
    await until(() => bridge.state === 'up', 'the successor is seen');
    assert.deepEqual(
      said.filter((word) => word !== 'answer'),
      ['up', 'gone', 'up'],
    );
    client.send(Opcode.TEXT, 'bye');
    assert.equal(await client.text(), 'bye');
    await client.close();
  },
);

it(
  'bridge: engines that are killed at any time tear nothing and lose nothing',
  { skip },
  async () => {
    const clients = await Promise.all(
      Array.from({ length: 4 }, () => Client.open(gateway.address!, '/ask')),
    );
    let stop = false;
    const loads = clients.map(async (client, index) => {
      let answered = 0;
      for (let number = 0; !stop; number++) {
        const text = `${index}.${number}.${'x'.repeat((number * 7) % 300)}`;
        client.send(Opcode.TEXT, text);
        // What is answered twice was answered once by the engine that died.
        for (let answer = await client.text(); answer !== text; answer = await client.text()) {
          if (answer === 'down') client.send(Opcode.TEXT, text);
          else assert.ok(answer.startsWith(`${index}.`), answer);
        }
        answered += 1;
      }
      return answered;
    });
    for (let round = 0; round < 5; round++) {
      if (engine!.exitCode !== null || engine!.signalCode !== null) await startEngine();
      await until(() => bridge.state === 'up', 'the engine is seen');
      const { responses, downs } = bridge.counters();
      await until(() => bridge.counters().responses > responses + 50 * round, 'it works');
      await kill(engine!);
      await until(() => bridge.counters().downs > downs, 'its death is noticed');
    }
    await startEngine();
    await until(() => bridge.state === 'up', 'the engine is seen');
    stop = true;
    for (const answered of await Promise.all(loads)) assert.ok(answered > 0);
    for (const client of clients) await client.close();
  },
);
