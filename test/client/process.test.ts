/** A process lives as long as its clients, and no longer. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { closePayload, drivers, fixture, serverFrame } from './fixture.ts';

const MODULE = new URL('../../src/websocket/index.js', import.meta.url).href;

/** Runs a program that has `WebSocket`; gives what it printed when it has ended by itself. */
function run(program: string, url: string, driver: string): Promise<string> {
  const source = `
    import { ReconnectingWebSocket, WebSocket } from ${JSON.stringify(MODULE)};
    const [url, driver] = process.argv.slice(-2);
    ${program}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source, url, driver]);
  let output = '';
  child.stdout.on('data', (data) => (output += String(data)));
  child.stderr.on('data', (data) => (output += String(data)));
  return new Promise((resolve) => {
    child.on('close', (code) => resolve(`${output.trim()} (${code})`));
  });
}

for (const driver of drivers) {
  describe(`WebSocket, the process (${driver})`, () => {
    const { gateway, server } = fixture(driver);

    test('ends when its last client is closed', async () => {
      const { url } = await gateway();
      const output = await run(
        `const socket = new WebSocket(url, [], { driver });
        socket.onopen = () => socket.send('hello');
        socket.onmessage = ({ data }) => { console.log(data); socket.close(); };
        socket.onclose = ({ code, wasClean }) => console.log(code, wasClean);`,
        `${url}/echo`,
        driver,
      );
      assert.equal(output, 'hello\n1005 true (0)');
    });

    test('lives while a client waits for messages, or for its next attempt', async () => {
      let connections = 0;
      const { url } = await server(async (peer) => {
        connections += 1;
        if (connections === 1) {
          peer.socket.destroy();
          return;
        }
        await peer.accept();
        await new Promise((resolve) => setTimeout(resolve, 50));
        peer.socket.end(serverFrame(8, closePayload(1000)));
      });
      const output = await run(
        `const socket = new ReconnectingWebSocket(url, [], { driver, minDelayMs: 20 });
        socket.onreconnecting = ({ attempt }) => console.log('attempt', attempt);
        socket.onclose = ({ code }) => console.log('closed', code);`,
        url,
        driver,
      );
      assert.equal(output, 'attempt 1\nclosed 1000 (0)');
    });
  });
}
