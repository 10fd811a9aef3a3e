/** The things that the tasks of one program share, and the steps that need nothing else. */
import { yieldNow } from '../../../src/task/index.ts';
import { BroadcastThing, MpscThing, WatchThing, type Thing } from './channels.ts';
import { LockThing, observedSleep, SemaphoreThing, TokenTree } from './locks.ts';
import { Observed, type Scene } from './observed.ts';
import type { Act, Leaf, Program } from './program.ts';

/** See the head of this file. */
export class World {
  readonly things: readonly Thing[];
  readonly lock: LockThing;
  readonly tokens: TokenTree;
  readonly #scene: Scene;
  readonly #channels: readonly MpscThing[];
  readonly #semaphores: readonly SemaphoreThing[];
  readonly #broadcast: BroadcastThing;
  readonly #watch: WatchThing;

  constructor(scene: Scene, { capacities }: Program) {
    this.#scene = scene;
    const [a, b, c, d] = capacities as [number, number, number, number];
    this.#channels = [new MpscThing(scene, 'A', a), new MpscThing(scene, 'B', b)];
    this.#semaphores = [new SemaphoreThing(scene, 'S', c), new SemaphoreThing(scene, 'T', 2)];
    this.#broadcast = new BroadcastThing(scene, d);
    this.#watch = new WatchThing(scene);
    this.lock = new LockThing(scene);
    this.tokens = new TokenTree(scene);
    const several: Thing[] = [...this.#channels, ...this.#semaphores];
    this.things = [...several, this.#broadcast, this.#watch, this.lock, this.tokens];
  }

  channel(which: number): MpscThing {
    return this.#channels[which % this.#channels.length]!;
  }

  semaphore(which: number): SemaphoreThing {
    return this.#semaphores[which % this.#semaphores.length]!;
  }

  /** One wait; undefined for a step that is none. */
  leaf(step: Leaf, isProtected: boolean): Observed<unknown> | undefined {
    switch (step.do) {
      case 'sleep':
        return observedSleep(this.#scene, step.ms, isProtected);
      case 'yield':
        return new Observed(this.#scene, yieldNow(), { what: 'yield' }, isProtected);
      case 'send':
        return this.channel(step.which).send(isProtected);
      case 'receive':
        return this.channel(step.which).receive(isProtected);
      case 'receiveMany':
        return this.channel(step.which).receiveMany(1 + (step.which % 4), isProtected);
      case 'hear':
        return this.#broadcast.receive(step.which, isProtected);
      case 'changed':
        return this.#watch.changed(step.which, isProtected);
      case 'tokenCancelled':
        return this.tokens.cancelled(step.which, isProtected);
      default:
        return undefined;
    }
  }

  /** What needs no wait. */
  act(step: Act): void {
    switch (step.do) {
      case 'trySend':
        return this.channel(step.which).trySend();
      case 'tryReceive':
        return this.channel(step.which).tryReceive();
      case 'closeSender':
        return this.channel(step.which).closeSender();
      case 'closeReceiver':
        return this.channel(step.which).closeReceiver();
      case 'disposeReceiver':
        return this.channel(step.which).disposeReceiver();
      case 'publish':
        return this.#broadcast.send();
      case 'change':
        return this.#watch.send();
      case 'closePublisher':
        return this.#broadcast.close();
      case 'closeWatch':
        return this.#watch.close();
      case 'cancelToken':
        return this.tokens.cancel(step.which);
      default:
        throw new Error(`unreachable: ${step.do}`);
    }
  }
}
