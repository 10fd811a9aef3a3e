/** Which reactor belongs to the executor that runs, and the thread's default of both. */
import { RondoError } from '../base/index.ts';
import { createDriver } from '../driver/index.ts';
import {
  currentExecutor,
  Executor,
  NodeHost,
  provideDoor,
  provideExecutor,
} from '../task/index.ts';
import {
  resolveRuntimeOptions,
  type ResolvedRuntimeOptions,
  type RuntimeOptions,
} from './options.ts';
import { Reactor } from './reactor.ts';

const reactors = new WeakMap<Executor, Reactor>();
const makers = new WeakMap<Executor, () => Reactor>();

/** The one asked for last: mostly it is the only one. */
let lastExecutor: Executor | undefined;
let lastReactor: Reactor | undefined;

let configured: ResolvedRuntimeOptions | undefined;
let defaultMade = false;

/** Says how the reactor of an executor is made when it is first needed. */
export function provideReactor(executor: Executor, make: () => Reactor): void {
  makers.set(executor, make);
}

/** The reactor of an executor, which is made now if it is the first time. */
export function reactorOf(executor: Executor): Reactor {
  if (executor === lastExecutor) return lastReactor!;
  let reactor = reactors.get(executor);
  if (reactor === undefined) {
    reactor = (makers.get(executor) ?? (() => makeReactor(executor, defaults())))();
    reactors.set(executor, reactor);
  }
  lastExecutor = executor;
  lastReactor = reactor;
  return reactor;
}

/** The reactor of an executor, if it was needed. */
export function reactorIfAny(executor: Executor): Reactor | undefined {
  return reactors.get(executor);
}

/** The reactor of the executor that runs; outside of tasks the thread's default. */
export function currentReactor(): Reactor {
  return reactorOf(currentExecutor());
}

/**
 * Streams are what tasks mostly receive: larger buffers than a driver has by itself save system
 * calls. An odd number of cache lines spreads their beginnings over the sets of the caches.
 */
const BUFFER_BYTES = 131_136;
const BUFFERS = 128;

/** A reactor on the driver of this machine, or the one asked for. */
export function makeReactor(executor: Executor, options: ResolvedRuntimeOptions): Reactor {
  const { name } = executor.options;
  return new Reactor({
    executor,
    name,
    memory: options.memory,
    makeDriver: (handler) =>
      createDriver({
        name,
        buffers: BUFFERS,
        bufferSize: BUFFER_BYTES,
        ...options.driver,
        handler,
      }),
  });
}

/**
 * Says how this thread's default runtime is made: what tasks and sockets use outside of a `Runtime`
 * of their own. To be called before the first of them.
 * @throws {RondoError} ERR_RUNTIME_STATE when it was made already
 * @throws {TypeError | RangeError} ERR_OPTION_… for options that are wrong
 */
export function configureRuntime(options: RuntimeOptions): void {
  if (defaultMade) {
    throw new RondoError(
      'ERR_RUNTIME_STATE',
      'Cannot configure the default runtime: it must be done before its first use',
    );
  }
  configured = resolveRuntimeOptions(options);
}

function defaults(): ResolvedRuntimeOptions {
  configured ??= resolveRuntimeOptions({});
  return configured;
}

provideExecutor(() => {
  defaultMade = true;
  const host = new NodeHost();
  const executor = new Executor(host, defaults().executor);
  host.attach(executor);
  return executor;
});

provideDoor((executor) => {
  const reactor = reactorOf(executor);
  const { arena, waker } = reactor.doorbell;
  return { arena, doorbell: waker, listen: (listener) => reactor.onWake(listener, true) };
});
