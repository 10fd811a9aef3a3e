// A job runner: commands that depend on each other, so many at once, with retries and time limits.
//   node examples/tasks/jobs.js examples/tasks/jobs.json
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import {
  attempt,
  CancellationToken,
  fromPromise,
  join,
  scope,
  Semaphore,
  sleep,
  spawn,
  timeout,
  use,
} from 'rondo';
import { readFile } from 'rondo/fs';

const run = promisify(execFile);
const [file = 'examples/tasks/jobs.json'] = process.argv.slice(2);
const { atOnce = 2, jobs } = JSON.parse(await readFile(file, { encoding: 'utf8' }));

/** One attempt. When it is given up, the signal ends the child process. */
function* runJob({ command, seconds = 60 }) {
  const [program, ...args] = command;
  const running = fromPromise((signal) => run(program, args, { signal }));
  const { stdout } = yield* timeout(seconds * 1000, running);
  return stdout.trim();
}

/** Attempts with pauses between them that double. */
function* withRetries(job) {
  for (let attempt = 0; ; attempt++) {
    try {
      return yield* runJob(job);
    } catch (error) {
      if (error.code === 'ERR_TASK_CANCELLED' || attempt >= (job.retries ?? 0)) throw error;
      console.log(`${job.name}: failed, trying again`);
      yield* sleep(100 * 2 ** attempt);
    }
  }
}

const started = performance.now();
const done = scope((s) => {
  const places = new Semaphore(atOnce);
  const tasks = new Map();
  for (const job of jobs) {
    const before = (job.after ?? []).map((name) => {
      if (!tasks.has(name)) throw new Error(`${job.name}: ${name} must come before it in the file`);
      return tasks.get(name);
    });
    const task = s.spawn(
      function* () {
        yield* join(before);
        // Waiting for the others takes no place; those who wait for one get theirs in order.
        const output = yield* use(places.acquire(), () => withRetries(job));
        const ms = (performance.now() - started).toFixed(0);
        console.log(`${job.name}: done after ${ms} ms${output && `: ${output}`}`);
      },
      { name: job.name },
    );
    tasks.set(job.name, task);
  }
});

// The first job that fails for good cancels all others, and their processes, before this goes on.
const stop = new CancellationToken();
process.once('SIGINT', () => stop.cancel());
const ended = await spawn(attempt(stop.run(done)));
console.log(ended.ok ? 'all jobs are done' : `stopped: ${ended.error.message}`);
if (!ended.ok) process.exitCode = 1;
