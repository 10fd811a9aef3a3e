/**
 * Places in the program: where memory was lent, where that ended, where it was used. Capturing one
 * costs about a microsecond; its text is made only when somebody reads the report.
 */

/** Frames that are captured: those of the sanitizer itself are left out of what is shown. */
const FRAMES_CAPTURED = 24;
/** Frames that a report shows. */
const FRAMES_SHOWN = 6;
/** The sanitizer's own code, and the hooks of other folders; not its tests. */
const OWN_FRAME = /[/\\](sanitizer[/\\]|sanitized\.[jt]s)(?!.*\.test\.)/;
/** Of Node, and of the engine's own functions. */
const NODE_FRAME = /\(?node:|\(<anonymous>\)$/;

/** A stack, kept as the engine has it until it is asked for. */
export class Site {
  readonly #trace: { stack?: string } = {};

  constructor() {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = FRAMES_CAPTURED;
    Error.captureStackTrace(this.#trace, Site);
    Error.stackTraceLimit = stackTraceLimit;
  }

  /** The callers, the innermost first, such as `at handler (chat.ts:12:5)`; at most six. */
  get frames(): readonly string[] {
    const lines = (this.#trace.stack ?? '').split('\n').map((line) => line.trim());
    const frames = lines.filter((line) => line.startsWith('at ') && !OWN_FRAME.test(line));
    const own = frames.filter((line) => !NODE_FRAME.test(line));
    return (own.length > 0 ? own : frames).slice(0, FRAMES_SHOWN);
  }
}
