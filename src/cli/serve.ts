/** `rondo serve`: a gateway with a module of handlers, or with a demonstration, until a signal. */
import { setTimeout as delay } from 'node:timers/promises';
import { choiceOption, SystemError, systemClock } from '../base/index.ts';
import type { SocketAddress } from '../driver/index.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../gateway/index.ts';
import { announce, cannotListen } from './announce.ts';
import { findConfig, loadConfig, merge } from './config-file.ts';
import { addDemo } from './demo.ts';
import { codeOf, exitCodeOf, isExpected, shownPath } from './faults.ts';
import { UsageError } from './flags.ts';
import { Link } from './link.ts';
import { Log, LOG_FORMATS, LOG_LEVELS } from './log.ts';
import { addHandlers, loadDefault } from './modules.ts';
import { parseServe, SERVE_FLAGS_HELP, type ServeCommand } from './serve-flags.ts';
import { endOnSignal, logFailures, logUsageOnSignal, onHangup } from './signals.ts';
import { watch } from './watch.ts';

const HELP = `rondo serve [HANDLERS] [flags]: runs a WebSocket gateway

HANDLERS is a module (.js, .mjs, or .ts on Node 22.18 and later) whose default export is
  { '/rooms/:room': { message(connection, message) { … } }, … }    routes by path, or
  (gateway) => { gateway.websocket('/rooms/:room', { … }) }        a function, which may be async
defineHandlers of rondo/gateway gives it types. Without a module it serves a demonstration:
  /echo and /     everything comes back
  /topics/NAME    what one says, all in the topic hear
  /               a page to try them in a browser

${SERVE_FLAGS_HELP}

Every option of the gateway can be set in the config file: see docs/guide/serve.md.

SIGINT or SIGTERM drains: it stops accepting, closes connections with 1001, and ends with code 0.
A second signal ends it at once. SIGUSR2 logs what it holds and has counted; SIGHUP reads the
certificates again.
`;

/** How long a port may take to become free, after the process that had it was told to let go. */
const PORT_WAIT_MS = 5000;
const PORT_RETRY_MS = 20;

/** What is to be served, and how. */
interface Plan {
  readonly options: GatewayOptions;
  /** Where the handlers are, or what they are; undefined for the demonstration. */
  readonly handlers: unknown;
  /** What it was read from. */
  readonly files: readonly string[];
  readonly log: Log;
}

/** Runs the command; returns when it listens. */
export async function serve(args: readonly string[]): Promise<void> {
  const command = parseServe(args);
  if (command.help) {
    process.stdout.write(HELP);
    return;
  }
  const link = Link.open();
  let log = new Log(command.log, command.logLevel);
  if (command.watch && link === undefined) {
    watch({ args, module: command.module, config: findConfig(command.config), log });
    return;
  }
  try {
    const plan = await planOf(command);
    log = plan.log;
    link?.say({ kind: 'files', files: plan.files });
    const { gateway, address } = await run(plan, link);
    announce({ gateway, address, ...plan }, log);
    renewOnSignal(gateway, log, args);
    link?.say({ kind: 'listening', address });
  } catch (error) {
    if (log.format === 'text' || !isExpected(error)) throw error;
    log.error('failed', error.message, { code: codeOf(error) });
    process.exit(exitCodeOf(error));
  }
}

/** `age` counts how often the files have been read before. */
async function planOf(command: ServeCommand, age: number = 0): Promise<Plan> {
  const path = findConfig(command.config);
  const config = path === undefined ? {} : await loadConfig(path, age);
  const { handlers: configured, log, logLevel, ...options } = config;
  const handlers = command.module ?? configured;
  const merged = merge<GatewayOptions>(options, command.options);
  if (merged.tls !== undefined && !(merged.tls.cert && merged.tls.key)) {
    throw new UsageError('--tls-cert and --tls-key belong together');
  }
  return {
    options: merged,
    handlers,
    files: [path, handlers].filter((each) => typeof each === 'string'),
    log: new Log(
      choiceOption('log', command.log ?? log, 'text', LOG_FORMATS),
      choiceOption('logLevel', command.logLevel ?? logLevel, 'info', LOG_LEVELS),
    ),
  };
}

/** Reads the certificates again at SIGHUP, for new connections. Without any it does nothing. */
function renewOnSignal(gateway: Gateway, log: Log, args: readonly string[]): void {
  let age = 0;
  onHangup(log, async () => {
    const { tls } = (await planOf(parseServe(args), ++age)).options;
    if (tls !== undefined) gateway.setCertificates(tls);
  });
}

async function run(
  { options, handlers, log }: Plan,
  link: Link | undefined,
): Promise<{ gateway: Gateway; address: SocketAddress }> {
  // The one before it may have chosen a port: whoever talks to it finds this one there.
  const port = options.port === 0 ? (link?.formerPort ?? 0) : options.port;
  const isDemo = handlers === undefined;
  const gateway = createGateway({
    page: isDemo,
    ...options,
    ...(port === undefined ? {} : { port }),
  });
  logFailures(log);
  if (isDemo) {
    addDemo(gateway);
  } else if (typeof handlers === 'string') {
    await addHandlers(gateway, await loadDefault(handlers), shownPath(handlers));
  } else {
    await addHandlers(gateway, handlers, 'the handlers of the config file');
  }
  endOnSignal(gateway, log, link);
  logUsageOnSignal(gateway, log);
  const wanted = wantedAddress(options, port);
  await link?.loaded(wanted);
  return { gateway, address: await listen(gateway, wanted, log, link) };
}

function wantedAddress({ path, host = '0.0.0.0' }: GatewayOptions, port = 9001): SocketAddress {
  return path === undefined ? { host, port } : { path };
}

/** Ends the process when it cannot listen for a reason that the person can remove, and says it. */
async function listen(
  gateway: Gateway,
  wanted: SocketAddress,
  log: Log,
  link: Link | undefined,
): Promise<SocketAddress> {
  const deadline = systemClock.now() + PORT_WAIT_MS;
  for (;;) {
    try {
      return await gateway.listen();
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const isTaken = error.errnoName === 'EADDRINUSE';
      if (!isTaken || !link?.isSuccessor || systemClock.now() > deadline) {
        cannotListen(error, wanted, log);
        // Whatever the handlers began would go on.
        process.exit(1);
      }
    }
    await delay(PORT_RETRY_MS);
  }
}
