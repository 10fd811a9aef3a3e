/** How far the consumers of a lane are, as its producer needs to know. */
import { compareExchange, loadAcquire, storeRelease } from '#atomics';
import type { RingCore } from '../core.ts';
import { Block, Poison } from '../layout.ts';
import { ASKING } from '../segment/layout.ts';

/** Tells a producer which message is still needed. Slow path: only when the lane looks full. */
export interface Heads {
  /** The furthest head behind `tail`; `published` when nobody is gated. Throws on a lie. */
  furthest(tail: number, published: number): number;
  /** Lets consumers in that ask, from `published` on. */
  admit(published: number): void;
}

/** One cursor, whoever reads it. */
export class OneHead implements Heads {
  readonly #core: RingCore;
  readonly #word: number;

  constructor(core: RingCore, lane: number) {
    this.#core = core;
    this.#word = core.headWord(lane, 0);
  }

  furthest(tail: number): number {
    const head = loadAcquire(this.#core.words, this.#word);
    if ((tail - head) >>> 0 > this.#core.shape.slots) this.#core.poison(Poison.HEAD);
    return head;
  }

  admit(): void {
    // Its consumer goes on where the last one stopped: nobody has to be let in.
  }
}

/** The cursors of a gated broadcast ring. */
export class GatedHeads implements Heads {
  readonly #core: RingCore;
  readonly #places: number;

  constructor(core: RingCore) {
    this.#core = core;
    this.#places = core.shape.places;
  }

  furthest(tail: number, published: number): number {
    const { words, shape } = this.#core;
    let furthest = published;
    for (let place = 0; place < this.#places; place++) {
      const owner = this.#core.placeOwner(place);
      if (owner === 0 || (owner & ASKING) !== 0) continue;
      const head = loadAcquire(words, this.#core.headWord(0, place));
      const lag = (tail - head) >>> 0;
      // More than everything behind, or ahead: a liar, who alone reads what is wrong.
      if (lag <= shape.slots && lag > (tail - furthest) >>> 0) furthest = head;
    }
    return furthest;
  }

  admit(published: number): void {
    const { words } = this.#core;
    for (let place = 0; place < this.#places; place++) {
      const owner = this.#core.placeOwner(place);
      if ((owner & ASKING) === 0) continue;
      storeRelease(words, this.#core.headWord(0, place), published);
      const word = this.#core.word(Block.CONSUMER_OWNERS + 4 * place);
      compareExchange(words, word, owner, owner & ~ASKING);
    }
  }
}
