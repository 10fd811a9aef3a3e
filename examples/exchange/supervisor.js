// Keeps an engine running: starts it, and starts it again when it has ended, soon at first and less
// often when that does not help. An engine that runs already is left alone, and waited for.
import { spawn } from 'node:child_process';

const DELAY_MS = 100;
const DELAY_MAX_MS = 5000;
/** An engine that has run for so long was not started in vain. */
const PROVEN_MS = 5000;
/** How often an engine that was not started here is looked at. */
const LOOK_MS = 250;
/** How long an engine may take to end when it is told to; one that is stopped would never. */
const END_MS = 2000;

export class Supervisor {
  #command;
  #isThere;
  #delayMaxMs;
  /** Until it has closed: no other is started before. */
  #child;
  #timer;
  #delay = DELAY_MS;
  #stopped = true;

  /**
   * @param {readonly [program: string, ...args: string[]]} command
   * @param {() => boolean} isThere whether an engine has taken its place, ours or another's
   * @param {number} delayMaxMs the longest time before the next start
   */
  constructor(command, isThere, delayMaxMs = DELAY_MAX_MS) {
    this.#command = command;
    this.#isThere = isThere;
    this.#delayMaxMs = delayMaxMs;
  }

  /** The process id of the engine that was started here; undefined while there is none. */
  get pid() {
    return this.#child?.pid;
  }

  /** Nothing happens when it was started before, and not stopped. */
  start() {
    if (!this.#stopped) return;
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
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
    await new Promise((resolve) => child.once('close', resolve));
    clearTimeout(timer);
  }

  #begin() {
    if (this.#child !== undefined) return;
    if (this.#isThere()) this.#timer = setTimeout(() => this.#begin(), LOOK_MS);
    else this.#spawn();
  }

  #spawn() {
    const [program, ...args] = this.#command;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const began = performance.now();
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text) => {
      if (text.startsWith('ready')) console.log(`engine ${child.pid} is ${text.trim()}`);
    });
    child.on('error', (error) => console.error(`Cannot run the engine: ${error.message}`));
    child.on('close', (code, signal) => {
      this.#child = undefined;
      if (this.#stopped) return;
      console.log(`engine ${child.pid ?? ''} has ended: ${signal ?? `code ${code}`}`);
      // One that ends as soon as it is ready is no better than one that never is.
      if (performance.now() - began >= PROVEN_MS) this.#delay = DELAY_MS;
      this.#again();
    });
  }

  #again() {
    this.#timer = setTimeout(() => this.#begin(), Math.min(this.#delay, this.#delayMaxMs));
    this.#delay = Math.min(2 * this.#delay, DELAY_MAX_MS);
  }
}
