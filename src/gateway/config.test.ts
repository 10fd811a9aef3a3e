/** Types alone: the calls give back what they are given. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checkServeConfig, defineConfig, defineHandlers } from './config.ts';

it('defineHandlers knows the parameters of each path', () => {
  const handlers = {
    message() {
      return undefined;
    },
  };
  const routes = defineHandlers({
    '/rooms/:room': {
      open(connection) {
        connection.send(connection.params.room.toUpperCase());
        // @ts-expect-error It has another name.
        return connection.params.rom as unknown;
      },
    },
    '/echo': {
      message(connection, message) {
        connection.send(message);
        // @ts-expect-error It has no parameters.
        return connection.params.room as unknown;
      },
    },
    '/plain': handlers,
  });
  assert.equal(routes['/plain'], handlers);
  // @ts-expect-error There is no such handler.
  defineHandlers({ '/echo': { mesage() {} } });
});

it('defineHandlers takes a function too, async or not', () => {
  const add = defineHandlers(async (gateway) => {
    await Promise.resolve();
    gateway.websocket('/rooms/:room', { open: (connection) => connection.params.room });
  });
  assert.equal(typeof add, 'function');
  // @ts-expect-error It is neither.
  assert.equal(defineHandlers(5), 5);
});

it('defineConfig knows the options', () => {
  const config = { port: 1, handlers: './handlers.js', log: 'json' } as const;
  assert.equal(defineConfig(config), config);
  // @ts-expect-error There is no such format.
  defineConfig({ log: 'xml' });
  // @ts-expect-error There is no such option.
  defineConfig({ prot: 1 });
});

it('checkServeConfig refuses keys that do not exist', () => {
  assert.deepEqual(checkServeConfig({ port: 1, handlers: 'x' }, 'the file'), {
    port: 1,
    handlers: 'x',
  });
  assert.throws(() => checkServeConfig({ logs: 'json' }, 'the file'), {
    code: 'ERR_OPTION_UNKNOWN',
    message: /"logs" of the file.*"log"/,
  });
});
