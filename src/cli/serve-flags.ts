/** The flags of `rondo serve`, and the options of the gateway that they stand for. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { GatewayOptions } from '../gateway/index.ts';
import {
  choiceOf,
  describeFlags,
  numberOf,
  parseCommand,
  UsageError,
  type Flag,
  type Given,
} from './flags.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './log.ts';

/** A command line of `rondo serve`. What was not given is undefined. */
export interface ServeCommand {
  readonly help: boolean;
  readonly watch: boolean;
  /** The module of handlers: an absolute path. */
  readonly module: string | undefined;
  /** The config file, as it was given. */
  readonly config: string | undefined;
  readonly log: LogFormat | undefined;
  readonly logLevel: LogLevel | undefined;
  /** The options that were given as flags. */
  readonly options: GatewayOptions;
}

/** A flag that sets an option. */
interface OptionFlag extends Flag {
  /** Which, with a dot before each inner name. */
  readonly option: string;
  /** Makes the option of what was given. Without it, that is the option. */
  readonly read?: (name: string, text: string) => unknown;
}

/** What comes from `--trust-proxy`: a word, a number, or a list with commas. */
function readProxies(_: string, text: string): unknown {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  return text === 'loopback' ? text : text.split(',').map((each) => each.trim());
}

/** What is in a file. @throws {UsageError} */
function readContents(name: string, path: string): unknown {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--${name} cannot be read: ${(error as Error).message}`);
  }
}

/** Flags under one heading; those with a number say what it counts. */
const headed =
  (group: string) =>
  (help: string, value: string, option: string, fallback?: string): OptionFlag => ({
    group,
    help,
    value,
    option,
    ...(fallback === undefined ? {} : { fallback }),
    ...(['N', 'BYTES', 'MS'].includes(value) ? { read: numberOf } : {}),
  });

const listening = headed('Where it listens');
const admission = headed('Who may connect');
const limit = headed('Limits');
const rate = headed('Limits on what is received in a second');
const time = headed('Times');

const OPTION_FLAGS = {
  port: { ...listening('port; 0 chooses a free one', 'N', 'port', '9001'), short: 'p' },
  host: listening('address; 127.0.0.1 is this machine only', 'ADDRESS', 'host', '0.0.0.0'),
  path: listening('Unix socket to listen on instead', 'PATH', 'path'),
  'tls-cert': { ...listening('certificate chain, PEM', 'FILE', 'tls.cert'), read: readContents },
  'tls-key': { ...listening('its private key, PEM', 'FILE', 'tls.key'), read: readContents },
  'reuse-port': {
    group: 'Where it listens',
    help: 'share the port with other processes that do the same',
    fallback: 'off',
    negatable: true,
    option: 'reusePort',
  },
  driver: listening('uring, epoll or portable', 'NAME', 'driver', 'RONDO_DRIVER, else the best'),

  origin: {
    ...admission('pages that may, such as https://*.example.com; repeat it', 'ORIGIN', 'origins'),
    many: true,
    fallback: 'all',
  },
  'trust-proxy': {
    ...admission('proxies to believe: loopback, how many, or ranges a,b', 'WHICH', 'trustProxy'),
    read: readProxies,
    fallback: 'none',
  },

  'max-connections': limit('connections at once; more wait', 'N', 'maxConnections', '16384'),
  'max-address-connections': limit('of one address', 'N', 'limits.address.connections', 'none'),
  'max-message-size': limit('more is closed with 1009', 'BYTES', 'maxMessageSize', '1048576'),
  'max-send-queue': limit('that wait for one client', 'BYTES', 'maxSendQueueBytes', '1048576'),
  'send-queue-policy': limit(
    'then: close, drop-newest or drop-oldest',
    'POLICY',
    'sendQueuePolicy',
    'close',
  ),
  memory: limit('for messages in pieces or waiting', 'BYTES', 'memoryBytes', '67108864'),

  'connection-messages': rate(
    'of one connection',
    'N',
    'limits.connection.messagesPerSecond',
    'none',
  ),
  'connection-bytes': rate(
    'of one connection',
    'BYTES',
    'limits.connection.bytesPerSecond',
    'none',
  ),
  'address-messages': rate('of one address', 'N', 'limits.address.messagesPerSecond', 'none'),
  'address-bytes': rate('of one address', 'BYTES', 'limits.address.bytesPerSecond', 'none'),
  'address-handshakes': rate('of one address', 'N', 'limits.address.handshakesPerSecond', 'none'),
  'total-messages': rate('of all', 'N', 'limits.total.messagesPerSecond', 'none'),
  'total-bytes': rate('of all', 'BYTES', 'limits.total.bytesPerSecond', 'none'),
  'total-handshakes': rate('of all', 'N', 'limits.total.handshakesPerSecond', 'none'),
  'over-rate': rate('messages above it: delay or close (1008)', 'WHAT', 'overRate', 'delay'),

  'handshake-timeout': time('for the head of a request', 'MS', 'handshakeTimeoutMs', '10000'),
  'message-timeout': time('from its first byte to its last', 'MS', 'messageTimeoutMs', '60000'),
  'idle-timeout': time('of silence; pings come before; 0 is off', 'MS', 'idleTimeoutMs', '120000'),
  'max-lifetime': time('of a connection; 0 is any', 'MS', 'maxLifetimeMs', '0'),
  'close-timeout': time('to answer a close', 'MS', 'closeTimeoutMs', '10000'),
  'drain-deadline': time('to end after a signal', 'MS', 'drainDeadlineMs', '10000'),
  'drain-spread': time('over which a drain says goodbye', 'MS', 'drainSpreadMs', '0'),

  deflate: {
    group: 'What it offers',
    help: 'compression of messages (permessage-deflate)',
    fallback: 'off',
    negatable: true,
    option: 'deflate',
  },
  metrics: {
    group: 'What it offers',
    help: 'counters at /metrics, for Prometheus',
    fallback: 'off',
    negatable: true,
    option: 'metrics',
  },
} as const satisfies Readonly<Record<string, OptionFlag>>;

const FLAGS = {
  config: {
    group: 'What it serves',
    value: 'FILE',
    short: 'c',
    help: 'options; flags win over it',
    fallback: 'rondo.config.js, .mjs, .ts or .json here',
  },
  watch: {
    group: 'What it serves',
    help: 'start again when the handlers or the config change: for development',
  },
  ...OPTION_FLAGS,
  log: {
    group: 'What it says',
    value: 'FORMAT',
    help: 'text for people, or json: an object in each line',
    fallback: 'text',
  },
  'log-level': {
    group: 'What it says',
    value: 'LEVEL',
    help: 'the least that is said: info, warn or error',
    fallback: 'info',
  },
  help: { group: 'What it says', short: 'h', help: 'this text' },
} as const satisfies Readonly<Record<string, Flag>>;

/** The flags, for `--help`. */
export const SERVE_FLAGS_HELP: string = describeFlags(FLAGS);

/** Reads the arguments of the command. @throws {UsageError} */
export function parseServe(args: readonly string[]): ServeCommand {
  const { given, words } = parseCommand(args, FLAGS, 1);
  const [module] = words;
  return {
    help: given.help ?? false,
    watch: given.watch ?? false,
    module: module === undefined ? undefined : resolve(module),
    config: given.config,
    log: choiceOf('log', given.log, LOG_FORMATS),
    logLevel: choiceOf('log-level', given['log-level'], LOG_LEVELS),
    options: optionsOf(given),
  };
}

function optionsOf(given: Given<typeof FLAGS>): GatewayOptions {
  const options = {};
  for (const [name, flag] of Object.entries<OptionFlag>(OPTION_FLAGS)) {
    const value = given[name as keyof typeof OPTION_FLAGS];
    if (value === undefined) continue;
    const { read } = flag;
    const option = read === undefined || typeof value !== 'string' ? value : read(name, value);
    assign(options, flag.option.split('.'), option);
  }
  return options;
}

function assign(
  options: Record<string, unknown>,
  [name = '', ...inner]: readonly string[],
  value: unknown,
): void {
  if (inner.length === 0) options[name] = value;
  else assign((options[name] ??= {}) as Record<string, unknown>, inner, value);
}
