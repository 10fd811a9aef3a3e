/**
 * `rondo serve --watch`: a process that serves nothing itself but starts one that does, and another
 * one when a file has changed.
 *
 *  1. The one that serves goes on until the next has loaded everything: a module that is broken is
 *     reported and changes nothing.
 *  2. The port changes hands then: the old process closes it and drains, the new one takes it as
 *     soon as it is free.
 *  3. A process that ends by itself is not started again before a file changes.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { SocketAddress } from '../driver/index.ts';
import { shownPath } from './faults.ts';
import { UsageError } from './flags.ts';
import { FIRST, WATCHED_VARIABLE, type FromChild, type FromParent } from './link.ts';
import type { Log } from './log.ts';
import { SourceWatcher } from './sources.ts';

/** What is watched, and started. */
export interface WatchOptions {
  /** The arguments of the command. */
  readonly args: readonly string[];
  readonly module: string | undefined;
  readonly config: string | undefined;
  readonly log: Log;
}

const main = fileURLToPath(new URL('main.js', import.meta.url));
/** Its options or arguments are wrong. */
const USAGE_CODE = 2;

/** Runs until a signal. @throws {UsageError} when there is nothing to watch */
export function watch(options: WatchOptions): void {
  if (options.module === undefined && options.config === undefined) {
    throw new UsageError('--watch needs a module of handlers or a config file');
  }
  new Supervisor(options).start();
}

class Supervisor {
  readonly #args: readonly string[];
  readonly #hasConfig: boolean;
  readonly #log: Log;
  readonly #sources: SourceWatcher;
  readonly #children = new Set<ChildProcess>();
  /** The one that serves. */
  #current: ChildProcess | undefined;
  /** The one that is to be next. */
  #next: ChildProcess | undefined;
  /** Where the last one listened. */
  #address: SocketAddress | undefined;
  #ending = false;
  #exitCode = 0;

  constructor({ args, module, config, log }: WatchOptions) {
    // The file that was found is meant, when it is gone for a moment too.
    this.#args = config === undefined ? args : [...args, '--config', config];
    this.#hasConfig = config !== undefined;
    this.#log = log;
    this.#sources = new SourceWatcher((file) => this.#changed(file));
    this.#sources.add([module, config].filter((each) => each !== undefined));
  }

  start(): void {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => this.#end(signal));
    }
    if (process.platform !== 'win32') {
      process.on('SIGUSR2', () => this.#current?.kill('SIGUSR2'));
    }
    this.#load();
  }

  #changed(file: string): void {
    if (this.#ending) return;
    this.#log.info('changed', `${shownPath(file)} changed`, { file });
    // One that was loading has read what is no longer so.
    this.#next?.kill('SIGKILL');
    this.#load();
  }

  #load(): void {
    const former = this.#address === undefined ? FIRST : String({ port: 0, ...this.#address }.port);
    const child = fork(main, ['serve', ...this.#args], {
      env: { ...process.env, [WATCHED_VARIABLE]: former },
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    this.#children.add(child);
    this.#next = child;
    child.on('message', (message: FromChild) => this.#heard(child, message));
    child.once('exit', (code) => this.#exited(child, code));
  }

  #heard(child: ChildProcess, message: FromChild): void {
    if (message.kind === 'files') {
      this.#sources.add(message.files);
    } else if (child !== this.#next) {
      return;
    } else if (message.kind === 'loaded') {
      if (isSame(message.address, this.#address)) this.#stopCurrent('reload');
      tell(child, { kind: 'listen' });
    } else {
      this.#stopCurrent('reload');
      this.#address = message.address;
      this.#current = child;
      this.#next = undefined;
    }
  }

  #stopCurrent(why: string): void {
    if (this.#current !== undefined) tell(this.#current, { kind: 'stop', signal: why });
    this.#current = undefined;
  }

  #exited(child: ChildProcess, code: number | null): void {
    this.#children.delete(child);
    if (this.#ending) {
      // How the one that was to be next ends says nothing.
      if (child === this.#current) this.#exitCode = code ?? 1;
      if (this.#children.size === 0) process.exit(this.#exitCode);
      return;
    }
    if (child === this.#next) {
      this.#next = undefined;
      // What the command line says is no better after a change; what a file says may be.
      if (code === USAGE_CODE && !this.#hasConfig) process.exit(code);
      const rest = this.#current === undefined ? 'nothing is served' : 'the one before goes on';
      this.#log.error('broken', `it cannot be served; ${rest} until a file changes`, { code });
    } else if (child === this.#current) {
      this.#current = undefined;
      this.#log.error('crashed', `it ended with ${code}; nothing is served until a file changes`, {
        code,
      });
    }
  }

  #end(signal: 'SIGINT' | 'SIGTERM'): void {
    if (this.#ending || this.#children.size === 0) {
      for (const child of this.#children) child.kill('SIGKILL');
      process.exit(this.#ending ? 128 + constants.signals[signal] : 0);
    }
    this.#ending = true;
    this.#sources.close();
    this.#next?.kill('SIGKILL');
    for (const child of this.#children) tell(child, { kind: 'stop', signal });
  }
}

/** It may have ended a moment ago. */
function tell(child: ChildProcess, message: FromParent): void {
  if (child.connected) child.send(message, () => undefined);
}

/** Whether the second has to be free for the first. */
function isSame(wanted: SocketAddress, held: SocketAddress | undefined): boolean {
  if (held === undefined) return false;
  if ('path' in wanted || 'path' in held) {
    return 'path' in wanted && 'path' in held && wanted.path === held.path;
  }
  return wanted.port === held.port;
}
