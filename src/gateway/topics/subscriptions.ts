/**
 * Who is subscribed to what: records in one Int32Array, found by (group, member) through a hash
 * and by member through a list, so that each step of a subscription's life takes a fixed time and
 * a million of them are nothing that the garbage collector has to look at. Arrays double when they
 * are full and never shrink.
 *
 * A record has GROUP, MEMBER (its index), POSITION (in the group's array of members), NEXT and
 * PREVIOUS (of the same member), CHAIN (of the same bucket, and of free records).
 */
const GROUP = 0;
const MEMBER = 1;
const POSITION = 2;
const NEXT = 3;
const PREVIOUS = 4;
const CHAIN = 5;
const WORDS = 6;

const FIRST_CAPACITY = 64;

/** No record. */
export const NONE = -1;

/** See the head of this file. A record is known by its offset. */
export class Subscriptions {
  #records: Int32Array = new Int32Array(FIRST_CAPACITY * WORDS);
  /** The first record of each bucket; as many as there can be records. */
  #buckets: Int32Array = new Int32Array(FIRST_CAPACITY).fill(NONE);
  /** By member: its first record, and how many it has. */
  #heads: Int32Array = new Int32Array(FIRST_CAPACITY).fill(NONE);
  #counts: Int32Array = new Int32Array(FIRST_CAPACITY);
  #free: number = NONE;
  /** Words in use, free records included. */
  #top = 0;
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** How many a member has. */
  count(member: number): number {
    return member < this.#counts.length ? this.#counts[member]! : 0;
  }

  /** The record of a member in a group, or NONE. */
  find(group: number, member: number): number {
    const records = this.#records;
    let record = this.#buckets[this.#bucket(group, member)]!;
    while (record !== NONE) {
      if (records[record + MEMBER] === member && records[record + GROUP] === group) break;
      record = records[record + CHAIN]!;
    }
    return record;
  }

  /** Makes the record of a member in a group, where it must not have one. */
  add(group: number, member: number, position: number): void {
    if (member >= this.#heads.length) this.#growMembers(member);
    const record = this.#take();
    const records = this.#records;
    records[record + GROUP] = group;
    records[record + MEMBER] = member;
    records[record + POSITION] = position;
    const next = this.#heads[member]!;
    records[record + NEXT] = next;
    records[record + PREVIOUS] = NONE;
    if (next !== NONE) records[next + PREVIOUS] = record;
    this.#heads[member] = record;
    this.#counts[member]! += 1;
    this.#size += 1;
    this.#link(record);
  }

  /** Ends a subscription. */
  remove(record: number): void {
    const records = this.#records;
    const member = records[record + MEMBER]!;
    const next = records[record + NEXT]!;
    const previous = records[record + PREVIOUS]!;
    if (next !== NONE) records[next + PREVIOUS] = previous;
    if (previous === NONE) this.#heads[member] = next;
    else records[previous + NEXT] = next;
    this.#counts[member]! -= 1;
    this.#size -= 1;
    this.#unlink(record);
    records[record + CHAIN] = this.#free;
    this.#free = record;
  }

  /** A member's newest record, or NONE. */
  first(member: number): number {
    return member < this.#heads.length ? this.#heads[member]! : NONE;
  }

  /** The same member's next record, or NONE. */
  next(record: number): number {
    return this.#records[record + NEXT]!;
  }

  group(record: number): number {
    return this.#records[record + GROUP]!;
  }

  position(record: number): number {
    return this.#records[record + POSITION]!;
  }

  /** The member is at another position of its group now. */
  move(record: number, position: number): void {
    this.#records[record + POSITION] = position;
  }

  #bucket(group: number, member: number): number {
    let hash = Math.imul(group, 0x9e3779b1) ^ Math.imul(member, 0x85ebca6b);
    hash ^= hash >>> 15;
    return hash & (this.#buckets.length - 1);
  }

  #link(record: number): void {
    const records = this.#records;
    const bucket = this.#bucket(records[record + GROUP]!, records[record + MEMBER]!);
    records[record + CHAIN] = this.#buckets[bucket]!;
    this.#buckets[bucket] = record;
  }

  #unlink(record: number): void {
    const records = this.#records;
    const bucket = this.#bucket(records[record + GROUP]!, records[record + MEMBER]!);
    const after = records[record + CHAIN]!;
    let at = this.#buckets[bucket]!;
    if (at === record) {
      this.#buckets[bucket] = after;
      return;
    }
    while (records[at + CHAIN] !== record) at = records[at + CHAIN]!;
    records[at + CHAIN] = after;
  }

  #take(): number {
    const record = this.#free;
    if (record !== NONE) {
      this.#free = this.#records[record + CHAIN]!;
      return record;
    }
    if (this.#top === this.#records.length) this.#growRecords();
    this.#top += WORDS;
    return this.#top - WORDS;
  }

  /** Called when every record is in use. */
  #growRecords(): void {
    this.#records = grown(this.#records, this.#records.length * 2, 0);
    this.#buckets = new Int32Array(this.#buckets.length * 2).fill(NONE);
    for (let record = 0; record < this.#top; record += WORDS) this.#link(record);
  }

  #growMembers(member: number): void {
    const length = Math.max(this.#heads.length * 2, member + 1);
    this.#heads = grown(this.#heads, length, NONE);
    this.#counts = grown(this.#counts, length, 0);
  }
}

function grown(old: Int32Array, length: number, fill: number): Int32Array {
  const array = new Int32Array(length);
  array.set(old);
  if (fill !== 0) array.fill(fill, old.length);
  return array;
}
