/**
 * What `rondo serve` says while it runs: lines for people, or one JSON object in each line for
 * programs. Warnings and errors for people go to stderr; JSON goes to stdout as a whole.
 */
import { wallClock } from '../base/index.ts';

/** How the log is written. */
export const LOG_FORMATS = ['text', 'json'] as const;
/** Levels, the least first. */
export const LOG_LEVELS = ['info', 'warn', 'error'] as const;

export type LogFormat = (typeof LOG_FORMATS)[number];
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What an event is about, beside its message; undefined is left out. */
export type LogFields = Readonly<Record<string, unknown>>;

/** See the head of this file. */
export class Log {
  readonly format: LogFormat;
  readonly #least: number;

  constructor(format: LogFormat = 'text', level: LogLevel = 'info') {
    this.format = format;
    this.#least = LOG_LEVELS.indexOf(level);
  }

  /** It goes as it should. `event` is one word for programs, `message` a sentence for people. */
  info(event: string, message: string, fields: LogFields = {}): void {
    this.#write('info', event, message, fields);
  }

  /** Somebody should look. */
  warn(event: string, message: string, fields: LogFields = {}): void {
    this.#write('warn', event, message, fields);
  }

  /** Something failed. */
  error(event: string, message: string, fields: LogFields = {}): void {
    this.#write('error', event, message, fields);
  }

  #write(level: LogLevel, event: string, message: string, fields: LogFields): void {
    if (LOG_LEVELS.indexOf(level) < this.#least) return;
    const time = new Date(wallClock.now()).toISOString();
    if (this.format === 'json') {
      console.log(JSON.stringify({ time, level, event, message, ...fields }));
    } else if (level === 'info') {
      console.log(`${time} ${message}`);
    } else {
      console.error(`${time} ${level}: ${message}`);
    }
  }
}
