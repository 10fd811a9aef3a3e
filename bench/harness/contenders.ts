/** The servers that are compared: Rondo's, and the peers. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from './process.ts';

/** What a server is started with, beside its own arguments. */
export interface ServerSettings {
  /** Flags for Node itself; peers that are not Node ignore them. */
  readonly flags?: readonly string[];
  /** Extra arguments of the server; only Rondo's have any. */
  readonly extra?: readonly string[];
}

/** A server to compare. */
export interface Contender {
  /** As it is written in the tables; unique inside its protocol. */
  readonly name: string;
  readonly protocol: 'tcp' | 'websocket';
  /** The command, or why it cannot be started. */
  command(root: string, settings: ServerSettings): Command | string;
}

function node(
  name: string,
  protocol: Contender['protocol'],
  script: string,
  ...own: string[]
): Contender {
  return {
    name,
    protocol,
    command: (root, settings) => ({
      file: process.execPath,
      arguments: [
        ...(settings.flags ?? []),
        join(root, 'dist', 'bench', 'servers', script),
        ...own,
        ...(own.length > 0 ? (settings.extra ?? []) : []),
      ],
    }),
  };
}

/** The package's own binary: its `bin` is a script that an install without scripts never fills. */
function bunBinary(root: string): string | undefined {
  const platform = `bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`;
  const home = join(root, 'bench', 'peers', 'node_modules', '@oven');
  const names = [platform, `${platform}-musl`, `${platform}-baseline`];
  return names.map((name) => join(home, name, 'bin', 'bun')).find((file) => existsSync(file));
}

const bun: Contender = {
  name: 'Bun',
  protocol: 'websocket',
  command(root) {
    const file = bunBinary(root);
    if (!file) return 'the package bun is not installed in bench/peers';
    return { file, arguments: [join(root, 'bench', 'servers', 'bun-echo.ts')] };
  },
};

const c: Contender = {
  name: 'C epoll',
  protocol: 'tcp',
  command: (root) => ({ file: join(root, 'build', 'c-epoll-echo'), arguments: [] }),
};

const ws: Contender = {
  name: 'ws',
  protocol: 'websocket',
  command(root, settings) {
    if (!existsSync(join(root, 'bench', 'peers', 'node_modules', 'ws'))) {
      return 'the package ws is not installed in bench/peers';
    }
    return node('ws', 'websocket', 'ws-echo.js').command(root, settings);
  },
};

type DriverName = 'uring' | 'epoll' | 'portable';

/** TCP echo servers: Rondo's drivers, Node's `net`, and what C does without any of them. */
export const tcp: Record<DriverName | 'net' | 'c', Contender> = {
  uring: node('uring', 'tcp', 'driver-echo.js', '--driver', 'uring'),
  epoll: node('epoll', 'tcp', 'driver-echo.js', '--driver', 'epoll'),
  portable: node('portable', 'tcp', 'driver-echo.js', '--driver', 'portable'),
  net: node('net', 'tcp', 'net-echo.js'),
  c,
};

/** WebSocket echo servers: Rondo's gateway on each driver, and the peers. */
export const websocket: Record<DriverName | 'ws' | 'bun', Contender> = {
  uring: node('gateway uring', 'websocket', 'gateway-echo.js', '--driver', 'uring'),
  epoll: node('gateway epoll', 'websocket', 'gateway-echo.js', '--driver', 'epoll'),
  portable: node('gateway portable', 'websocket', 'gateway-echo.js', '--driver', 'portable'),
  ws,
  bun,
};
