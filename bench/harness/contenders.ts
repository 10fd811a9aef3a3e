/** The servers that are compared: Rondo's, and the peers. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from './process.ts';

/** What a server is started with, beside its own arguments. */
export interface ServerSettings {
  /** Flags for Node itself; peers that are not Node ignore them. */
  readonly flags?: readonly string[];
  /** Extra arguments of the server; only Rondo's TCP servers have any. */
  readonly extra?: readonly string[];
  /** What a WebSocket server is to be; see `servers/roles.ts`. @default an echo server */
  readonly role?: readonly string[];
}

/** A server to compare. */
export interface Contender {
  /** As it is written in the tables; unique inside its protocol. */
  readonly name: string;
  readonly protocol: 'tcp' | 'websocket';
  /** How the generator has to speak to it. @default as to the others of its protocol */
  readonly dialect?: readonly string[];
  /** The command, or why it cannot be started. */
  command(root: string, settings: ServerSettings): Command | string;
}

function script(root: string, name: string): string {
  return join(root, 'dist', 'bench', 'servers', name);
}

function peers(root: string): string {
  return join(root, 'bench', 'peers', 'node_modules');
}

function ours(
  name: string,
  protocol: Contender['protocol'],
  file: string,
  ...own: string[]
): Contender {
  return {
    name,
    protocol,
    command: (root, { flags = [], extra = [], role = [] }) => ({
      file: process.execPath,
      arguments: [
        ...flags,
        script(root, file),
        ...own,
        ...(own.length > 0 ? extra : []),
        ...(protocol === 'websocket' ? role : []),
      ],
    }),
  };
}

/** A peer that is a package and runs on Node; `needs` are the packages that must be installed. */
function onNode(
  name: string,
  file: string,
  needs: readonly string[],
  more: { environment?: readonly string[]; dialect?: readonly string[] } = {},
): Contender {
  const { environment = [], dialect } = more;
  return {
    name,
    protocol: 'websocket',
    ...(dialect === undefined ? {} : { dialect }),
    command(root, { flags = [], role = [] }) {
      const missing = needs.find((need) => !existsSync(join(peers(root), need)));
      if (missing !== undefined) return `the package ${missing} is not installed in bench/peers`;
      const argv = [...flags, script(root, file), ...role];
      if (environment.length === 0) return { file: process.execPath, arguments: argv };
      // `env` replaces itself by the server: its process id is the server's.
      return { file: 'env', arguments: [...environment, process.execPath, ...argv] };
    },
  };
}

/** The package's own binary: its `bin` is a script that an install without scripts never fills. */
function bunBinary(root: string): string | undefined {
  const platform = `bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`;
  const home = join(peers(root), '@oven');
  const names = [platform, `${platform}-musl`, `${platform}-baseline`];
  return names.map((name) => join(home, name, 'bin', 'bun')).find((file) => existsSync(file));
}

const bun: Contender = {
  name: 'Bun',
  protocol: 'websocket',
  command(root, { role = [] }) {
    const file = bunBinary(root);
    if (!file) return 'the package bun is not installed in bench/peers';
    return { file, arguments: [join(root, 'bench', 'servers', 'bun.ts'), ...role] };
  },
};

const c: Contender = {
  name: 'C epoll',
  protocol: 'tcp',
  command: (root) => ({ file: join(root, 'build', 'c-epoll-echo'), arguments: [] }),
};

/**
 * uWebSockets.js is not on npm. `folder` is where its user put it; nothing here fetches it.
 */
export function uwsIn(folder: string | undefined): Contender {
  return {
    name: 'uWebSockets.js',
    protocol: 'websocket',
    command(root, { flags = [], role = [] }) {
      if (folder === undefined) return 'not obtainable from npm; --uws FOLDER says where it is';
      const file = join(folder, 'uws.js');
      if (!existsSync(file)) return `there is no uws.js in ${folder}`;
      const argv = [...flags, script(root, 'uws.js'), '--package', file, ...role];
      return { file: process.execPath, arguments: argv };
    },
  };
}

type DriverName = 'uring' | 'epoll' | 'portable';

/** TCP echo servers: Rondo's drivers, Node's `net`, and what C does without any of them. */
export const tcp: Record<DriverName | 'net' | 'c', Contender> = {
  uring: ours('uring', 'tcp', 'driver-echo.js', '--driver', 'uring'),
  epoll: ours('epoll', 'tcp', 'driver-echo.js', '--driver', 'epoll'),
  portable: ours('portable', 'tcp', 'driver-echo.js', '--driver', 'portable'),
  net: ours('net', 'tcp', 'net-echo.js'),
  c,
};

/** WebSocket servers: Rondo's gateway on each driver, and the peers. */
export const websocket: Record<DriverName | 'ws' | 'wsPlain' | 'bun' | 'socketio', Contender> = {
  uring: ours('gateway uring', 'websocket', 'gateway.js', '--driver', 'uring'),
  epoll: ours('gateway epoll', 'websocket', 'gateway.js', '--driver', 'epoll'),
  portable: ours('gateway portable', 'websocket', 'gateway.js', '--driver', 'portable'),
  ws: onNode('ws', 'ws.js', ['ws', 'bufferutil']),
  wsPlain: onNode('ws without bufferutil', 'ws.js', ['ws'], {
    environment: ['WS_NO_BUFFER_UTIL=1'],
  }),
  bun,
  socketio: onNode('Socket.IO', 'socketio.js', ['socket.io'], {
    dialect: ['--socketio', '--path', '/socket.io/?EIO=4&transport=websocket'],
  }),
};
