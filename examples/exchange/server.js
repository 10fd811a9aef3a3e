// An exchange: browsers trade against a matching engine in Rust, which is another process.
//   node examples/exchange/server.js [port]      builds the engine, starts it, and keeps it running
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createGateway } from 'rondo/gateway';
import { Feed } from './feed.js';
import { openRings } from './rings.js';
import { SYMBOLS } from './schema.js';
import { Supervisor } from './supervisor.js';
import { askForBooks, bridgeEngine, tradingRoute } from './trading.js';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const BUILD = path('../../build/exchange');
/** Where the engine is when it was built. */
export const ENGINE = `${BUILD}/release/exchange-engine`;

/** Builds the engine with cargo, unless it is up to date. Cargo says itself what is wrong. */
export function buildEngine() {
  const manifest = path('engine/Cargo.toml');
  const args = ['build', '--quiet', '--release', '--locked', '--manifest-path', manifest];
  args.push('--target-dir', BUILD);
  const { error, status } = spawnSync('cargo', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (error?.code === 'ENOENT') throw new Error('Cannot build the engine: there is no cargo');
  if (error) throw error;
  if (status !== 0) throw new Error(`Cannot build the engine: cargo ended with ${status}`);
}

/**
 * Makes the exchange; it does not listen yet. `name` and `directory` are those of the rings,
 * `journal` is the engine's file; `engine` is its program, or null when somebody else runs it,
 * which is started again after `restartMaxMs` at most. `gateway` has options of `createGateway`.
 */
export function createExchange(options = {}) {
  const { name = 'exchange', directory, journal = `${BUILD}/${name}.journal` } = options;
  const { engine = ENGINE, maxAgeMs = 5000, restartMaxMs } = options;
  const rings = openRings({ name, directory });
  const gateway = createGateway({
    maxMessageSize: 4096,
    limits: { connection: { messagesPerSecond: 100 } },
    metrics: true,
    ...options.gateway,
  });

  const bridge = bridgeEngine(gateway, rings.channel, tellEngine);
  const feed = new Feed(gateway, rings.market, SYMBOLS, () => askForBooks(bridge));
  gateway.websocket('/trade/:account', tradingRoute(bridge, feed));
  gateway.files('/', path('public'));
  tellEngine();

  function tellEngine() {
    if (bridge.state === 'up') askForBooks(bridge);
    const text = JSON.stringify({ type: 'engine', state: bridge.state });
    gateway.publish('engine', text, { retain: true });
  }

  const flags = { name, journal, symbols: SYMBOLS.join(','), 'max-age-ms': maxAgeMs };
  if (directory !== undefined) flags.directory = directory;
  const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
  const isThere = () => rings.channel.requests.peers.consumers.length > 0;
  const supervisor = new Supervisor([engine ?? '', ...args], isThere, restartMaxMs);

  return {
    gateway,
    bridge,
    supervisor,
    async listen() {
      const address = await gateway.listen();
      if (engine !== null) supervisor.start();
      return address;
    },
    async close(how = {}) {
      const report = await gateway.close(how);
      await supervisor.stop();
      await feed.close();
      rings.channel.close();
      rings.market.close();
      return report;
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log('building the engine');
  buildEngine();
  const port = Number(process.argv[2] ?? 9001);
  const exchange = createExchange({ gateway: { host: '127.0.0.1', port } });
  const address = await exchange.listen();
  console.log(`exchange on http://${address.host}:${address.port}/`);
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      const { closed, reset } = await exchange.close();
      console.log(`ended: ${closed} closed, ${reset} reset`);
    });
  }
}
