// What clients say to the engine, and the engine to them.
import { refuse } from 'rondo/gateway';
import { commandOf } from './commands.js';

const ACCOUNT = /^[A-Za-z0-9_-]{1,24}$/;
/** What only concerns the client that asked; the rest concerns all clients of the account. */
const FOR_ONE = new Set(['rejected', 'open', 'listed']);

/** Bridges the engine: its reports go to those whom they concern. `changed`: it came or went. */
export function bridgeEngine(gateway, channel, changed) {
  const bridge = gateway.bridge(channel, {
    response(report) {
      const { client, account, ...rest } = report.$get();
      const text = JSON.stringify({ type: 'report', ...rest });
      if (FOR_ONE.has(rest.kind)) bridge.connection(client)?.send(text);
      else gateway.publish(`accounts/${account}`, text);
    },
    up: () => changed(),
    down: () => changed(),
  });
  return bridge;
}

/** Asks for the market data from the beginning. It comes on the ring of market data. */
export function askForBooks(bridge) {
  const empty = { side: 'buy', symbol: '', account: '', reference: '', price: 0, quantity: 0 };
  void bridge.submit(null, (request, client) => {
    request.$set({ kind: 'book', client, sent: Date.now(), ...empty });
  });
}

/** The route of those who trade. */
export function tradingRoute(bridge, feed) {
  return {
    upgrade: ({ params }) => (ACCOUNT.test(params.account) ? undefined : refuse(404)),
    open(connection) {
      connection.subscribe(`accounts/${connection.params.account}`);
      connection.subscribe('engine');
      feed.welcome(connection);
    },
    message(connection, message) {
      const said = message.json(); // What is no JSON closes with 1007.
      const command = commandOf(said, connection.params.account);
      if (typeof command === 'string') return refused(connection, said ?? {}, 'invalid', command);
      const sent = Date.now();
      const result = bridge.submit(connection, (request, client) => {
        request.$set({ ...command, client, sent });
      });
      // A promise while the ring is full: the connection is not read until there is room.
      return result === 'submitted' ? undefined : settled(connection, command, result);
    },
  };
}

async function settled(connection, command, result) {
  if ((await result) === 'down') refused(connection, command, 'down', 'The engine is down');
}

/** It has not reached the engine, and will not. (The same order, sent earlier, may have.) */
function refused(connection, { reference }, reason, detail) {
  connection.send(JSON.stringify({ type: 'refused', reference, reason, detail }));
}
