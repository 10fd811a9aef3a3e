// Keeps an engine running: starts it, and starts it again when it has ended, soon at first and less
// often when that does not help. An engine that runs already is left alone, and waited for.
import { spawn } from 'node:child_process';

const DELAY_MS = 100;
const DELAY_MAX_MS = 5000;
/** How often an engine that was not started here is looked at. */
const LOOK_MS = 250;

export class Supervisor {
  #command;
  #isThere;
  #child;
  #timer;
  #delay = DELAY_MS;
  #stopped = true;

  /**
   * @param {readonly [program: string, ...args: string[]]} command
   * @param {() => boolean} isThere whether an engine has taken its place, ours or another's
   */
  constructor(command, isThere) {
    this.#command = command;
    this.#isThere = isThere;
  }

  /** The process id of the engine that was started here; undefined while there is none. */
  get pid() {
    return this.#child?.pid;
  }

  start() {
    this.#stopped = false;
    this.#begin();
  }

  /** Ends the engine that was started here, until `start`. Resolves when it is gone. */
  async stop(signal = 'SIGTERM') {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return;
    child.kill(signal);
    await new Promise((resolve) => child.once('close', resolve));
  }

  #begin() {
    if (this.#isThere()) this.#timer = setTimeout(() => this.#begin(), LOOK_MS);
    else this.#spawn();
  }

  #spawn() {
    const [program, ...args] = this.#command;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text) => {
      if (!text.startsWith('ready')) return;
      this.#delay = DELAY_MS;
      console.log(`engine ${child.pid} is ${text.trim()}`);
    });
    child.on('error', (error) => console.error(`Cannot run the engine: ${error.message}`));
    child.on('close', (code, signal) => {
      this.#child = undefined;
      if (this.#stopped) return;
      console.log(`engine ${child.pid} has ended: ${signal ?? `code ${code}`}`);
      this.#again();
    });
  }

  #again() {
    this.#timer = setTimeout(() => this.#begin(), this.#delay);
    this.#delay = Math.min(2 * this.#delay, DELAY_MAX_MS);
  }
}
