/**
 * permessage-deflate of one client: where its messages get their compressor and decompressor, and
 * the compressing of what it sends, in steps of about a millisecond.
 */
import {
  dedicatedDeflater,
  dedicatedInflater,
  Deflation,
  DeflationStatus,
  type Deflater,
  type Inflater,
  type StreamSource,
} from '../../deflate/index.ts';
import type { DeflateParameters } from '../codec/index.ts';
import type { ResolvedClientDeflate } from './deflate-options.ts';
import type { Hub } from './hub.ts';

/** See the head of this file. */
export class Compression {
  /** For the receiver. */
  readonly inflaters: StreamSource<Inflater>;
  readonly #hub: Hub;
  readonly #threshold: number;
  readonly #deflaters: StreamSource<Deflater>;
  readonly #deflation: Deflation;
  /** The message that is being compressed. */
  #source = 0;

  constructor(
    hub: Hub,
    options: ResolvedClientDeflate,
    agreed: DeflateParameters,
    maxMessageSize: number,
  ) {
    const { level, memoryLevel, threshold } = options;
    const { streams } = hub;
    const deflater = { level, memoryLevel, windowBits: agreed.clientMaxWindowBits };
    this.#hub = hub;
    this.#threshold = threshold;
    this.#deflaters = agreed.clientNoContextTakeover
      ? hub.sharedDeflaters(deflater)
      : dedicatedDeflater(streams, deflater);
    this.inflaters = agreed.serverNoContextTakeover
      ? hub.sharedInflaters
      : dedicatedInflater(streams, { windowBits: agreed.serverMaxWindowBits, maxMessageSize });
    this.#deflation = new Deflation({ bytes: hub.bytes, blocks: hub });
  }

  /** Whether a message of so many bytes is compressed. */
  wants(size: number): boolean {
    return size > 0 && size >= this.#threshold;
  }

  /**
   * Compresses a message, and calls back with the result, or with undefined when there is no memory
   * for it; at once when it takes no more than a step. Returns whether it has called back.
   */
  compress(message: Uint8Array, done: (compressed: Uint8Array | undefined) => void): boolean {
    const source = this.#hub.acquire(message.length);
    if (source === 0) {
      done(undefined);
      return true;
    }
    this.#source = source;
    this.#hub.bytes.set(message, source);
    this.#deflation.begin(this.#deflaters, source, message.length, 0);
    return this.#step(done);
  }

  /** Gives the memory back; whoever waits for a result is not called any more. */
  end(): void {
    this.#deflation.cancel();
    this.#releaseSource();
    this.#deflaters.free();
    this.inflaters.free();
  }

  #step(done: (compressed: Uint8Array | undefined) => void): boolean {
    if (!this.#deflation.running) return false;
    const status = this.#deflation.step();
    if (status === DeflationStatus.AGAIN) {
      setImmediate(() => this.#step(done));
      return false;
    }
    this.#releaseSource();
    const { block, offset, length } = this.#deflation;
    if (status === DeflationStatus.FAILED) {
      done(undefined);
    } else {
      const compressed = this.#hub.bytes.slice(offset, offset + length);
      this.#hub.release(block);
      done(compressed);
    }
    return true;
  }

  #releaseSource(): void {
    if (this.#source !== 0) this.#hub.release(this.#source);
    this.#source = 0;
  }
}
