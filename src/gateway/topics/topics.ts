/**
 * Topics: who gets what is published. A data structure alone; it knows no connections.
 *
 * A *group* is what is subscribed to, a name or a pattern, with its members in a dense array: a
 * publish to a name, where no pattern exists, is one look into a map and a walk through an array,
 * and allocates nothing.
 *
 * Members may subscribe, unsubscribe and leave from within `match`, and publish again:
 * 1. While any `match` runs, arrays only grow at their end and members that leave become holes, so
 *    that positions stay. The outermost `match` fills the holes at its end.
 * 2. A `match` visits what its groups held when it began, as far as it is still there when its turn
 *    comes: whoever joins meanwhile does not get it, whoever leaves does not get it any more.
 * 3. Each member is visited once, however many of its subscriptions match: with more than one
 *    group, members are stamped with the number of the publish. The stamps are the outermost
 *    publish's; one inside another keeps a Set.
 */
import { outOfRange } from '../../base/index.ts';
import { resolveTopicLimits, type ResolvedTopicLimits } from './limits.ts';
import { checkPattern, checkTopic } from './names.ts';
import { RetainedValues, type RetainedValue } from './retained.ts';
import { NONE, Subscriptions } from './subscriptions.ts';
import { Trie } from './trie.ts';

/** Somebody who subscribes. */
export interface TopicMember {
  /** A whole number from 0, of which no two subscribed members have the same; better small. */
  readonly index: number;
}

/** Names without a group for which the patterns that they match are remembered. */
const REMEMBERED = 1024;
const EPOCHS = 2 ** 32;

class Group<M> {
  readonly id: number;
  readonly name: string;
  readonly isPattern: boolean;
  /** With holes where members left during a `match`. */
  readonly members: (M | null)[];
  live = 1;
  /** Of a name: the patterns that it matches, as of `version`. */
  patterns: readonly Group<M>[] = [];
  version = -1;

  constructor(id: number, name: string, isPattern: boolean, first: M) {
    this.id = id;
    this.name = name;
    this.isPattern = isPattern;
    // Room for one: most groups of a gateway with many have no more (a user, a device).
    this.members = [first];
  }
}

/** See the head of this file. */
export class Topics<M extends TopicMember> {
  readonly #limits: ResolvedTopicLimits;
  readonly #names: Map<string, Group<M>> = new Map();
  readonly #patterns: Map<string, Group<M>> = new Map();
  readonly #trie: Trie<Group<M>> = new Trie();
  /** Changes with every pattern that comes or goes. */
  #version = 0;
  readonly #remembered: Map<string, readonly Group<M>[]> = new Map();
  #rememberedVersion = 0;
  readonly #subscriptions: Subscriptions = new Subscriptions();
  /** By the id that records know; undefined where an id is free. */
  readonly #groups: (Group<M> | undefined)[] = [];
  readonly #freeIds: number[] = [];
  readonly #retained: RetainedValues;

  /** How many calls of `match` are running. */
  #depth = 0;
  readonly #holes: { readonly group: Group<M>; readonly position: number }[] = [];
  /** How long the groups of each running `match` were when it began; a stack. */
  readonly #ends: number[] = [];
  #endsTop = 0;
  /** By member: the last publish that visited it. */
  #stamps: Uint32Array = new Uint32Array(64);
  #epoch = 0;

  /** `limits` have been resolved. @default the defaults of `TopicLimits` */
  constructor(limits: ResolvedTopicLimits = resolveTopicLimits()) {
    this.#limits = limits;
    this.#retained = new RetainedValues(limits);
  }

  /** Subscriptions of all members. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** Names and patterns that somebody is subscribed to. */
  get size(): number {
    return this.#names.size + this.#patterns.size;
  }

  /** Topics with a retained value. */
  get retainedValues(): number {
    return this.#retained.size;
  }

  /** Bytes of retained values, as their limit counts them. */
  get retainedBytes(): number {
    return this.#retained.bytes;
  }

  // ---- who is subscribed

  /**
   * Subscribes a member to a name or pattern; false when it was already.
   * @throws {TypeError} ERR_TOPIC
   * @throws {RangeError} ERR_TOPIC_LIMIT
   */
  subscribe(member: M, pattern: string): boolean {
    const { index } = member;
    let group = this.#find(pattern);
    if (group !== undefined && this.#subscriptions.find(group.id, index) !== NONE) return false;
    const isPattern = group === undefined && checkPattern(pattern);
    this.#checkLimits(index, group === undefined);
    let position = 0;
    if (group === undefined) {
      group = this.#addGroup(pattern, isPattern, member);
    } else {
      position = group.members.push(member) - 1;
      group.live += 1;
    }
    if (index >= this.#stamps.length) this.#growStamps(index);
    this.#subscriptions.add(group.id, index, position);
    return true;
  }

  /** Ends a subscription; false when there was none. @throws {TypeError} ERR_TOPIC */
  unsubscribe(member: M, pattern: string): boolean {
    const group = this.#find(pattern);
    if (group === undefined) {
      checkPattern(pattern);
      return false;
    }
    const record = this.#subscriptions.find(group.id, member.index);
    if (record === NONE) return false;
    this.#remove(record, group);
    return true;
  }

  /** Ends all subscriptions of a member, whose index may be given to another then. */
  leaveAll(member: M): void {
    const subscriptions = this.#subscriptions;
    let record = subscriptions.first(member.index);
    while (record !== NONE) {
      this.#remove(record, this.#groups[subscriptions.group(record)]!);
      record = subscriptions.first(member.index);
    }
  }

  /** Whether a member is subscribed to exactly this name or pattern. */
  has(member: M, pattern: string): boolean {
    const group = this.#find(pattern);
    return group !== undefined && this.#subscriptions.find(group.id, member.index) !== NONE;
  }

  /** The names and patterns that a member is subscribed to, the newest first. */
  of(member: M): string[] {
    const names: string[] = [];
    const subscriptions = this.#subscriptions;
    let record = subscriptions.first(member.index);
    for (; record !== NONE; record = subscriptions.next(record)) {
      names.push(this.#groups[subscriptions.group(record)]!.name);
    }
    return names;
  }

  /** Names and patterns that somebody is subscribed to, each with its number of subscribers. */
  *list(): Generator<[name: string, subscribers: number], void, undefined> {
    for (const { name, live } of this.#names.values()) yield [name, live];
    for (const { name, live } of this.#patterns.values()) yield [name, live];
  }

  // ---- what is published

  /**
   * Visits each member that is subscribed to the topic, by name or pattern, once; returns how many
   * that were. `context` is handed on, so that no closure is needed. What `visit` throws ends the
   * walk and comes out.
   * @throws {TypeError} ERR_TOPIC
   */
  match<C>(topic: string, visit: (member: M, context: C) => void, context: C): number {
    const group = this.#names.get(topic);
    if (this.#patterns.size === 0) {
      if (group !== undefined) return this.#visitOne(group, visit, context);
      checkTopic(topic);
      return 0;
    }
    const patterns = group === undefined ? this.#patternsOf(topic) : this.#patternsOfGroup(group);
    if (group === undefined) {
      if (patterns.length === 0) return 0;
      if (patterns.length === 1) return this.#visitOne(patterns[0]!, visit, context);
    } else if (patterns.length === 0) {
      return this.#visitOne(group, visit, context);
    }
    return this.#visitSeveral(group, patterns, visit, context);
  }

  /** How many members a publish to the topic would visit. @throws {TypeError} ERR_TOPIC */
  count(topic: string): number {
    const group = this.#names.get(topic);
    if (group !== undefined && this.#patterns.size === 0) return group.live;
    return this.match(topic, nothing, undefined);
  }

  #visitOne<C>(group: Group<M>, visit: (member: M, context: C) => void, context: C): number {
    const { members } = group;
    const end = members.length;
    let visited = 0;
    this.#depth += 1;
    try {
      for (let i = 0; i < end; i++) {
        const member = members[i]!;
        if (member === null) continue;
        visited += 1;
        visit(member, context);
      }
    } finally {
      this.#leave();
    }
    return visited;
  }

  #visitSeveral<C>(
    group: Group<M> | undefined,
    patterns: readonly Group<M>[],
    visit: (member: M, context: C) => void,
    context: C,
  ): number {
    const ends = this.#ends;
    const base = this.#endsTop;
    for (const pattern of patterns) ends[this.#endsTop++] = pattern.members.length;
    const end = group === undefined ? 0 : group.members.length;
    const seen = this.#depth === 0 ? null : new Set<M>();
    if (seen === null) this.#nextEpoch();
    let visited = 0;
    this.#depth += 1;
    try {
      if (group !== undefined) visited += this.#visitUnseen(group, end, seen, visit, context);
      for (let i = 0; i < patterns.length; i++) {
        visited += this.#visitUnseen(patterns[i]!, ends[base + i]!, seen, visit, context);
      }
    } finally {
      this.#endsTop = base;
      this.#leave();
    }
    return visited;
  }

  #visitUnseen<C>(
    { members }: Group<M>,
    end: number,
    seen: Set<M> | null,
    visit: (member: M, context: C) => void,
    context: C,
  ): number {
    const epoch = this.#epoch;
    let visited = 0;
    for (let i = 0; i < end; i++) {
      const member = members[i]!;
      if (member === null) continue;
      if (seen !== null) {
        if (seen.has(member)) continue;
        seen.add(member);
      } else {
        // Read anew each time: a member with a higher index may have come from within `visit`.
        if (this.#stamps[member.index] === epoch) continue;
        this.#stamps[member.index] = epoch;
      }
      visited += 1;
      visit(member, context);
    }
    return visited;
  }

  /** The end of a `match`. The outermost one fills the holes. */
  #leave(): void {
    this.#depth -= 1;
    if (this.#depth > 0 || this.#holes.length === 0) return;
    for (const { group, position } of this.#holes) {
      const { members } = group;
      while (members.length > 0 && members.at(-1) === null) members.pop();
      // Cut off, or filled already: only a hole is below the length of its array now.
      if (position < members.length) this.#moveLast(group, position);
    }
    this.#holes.length = 0;
  }

  #nextEpoch(): void {
    this.#epoch += 1;
    if (this.#epoch < EPOCHS) return;
    this.#stamps.fill(0);
    this.#epoch = 1;
  }

  // ---- values that are kept

  /**
   * Keeps a copy of the bytes as the topic's last value. What was kept stays when it is refused.
   * @throws {TypeError} ERR_TOPIC
   * @throws {RangeError} ERR_TOPIC_LIMIT
   */
  store(topic: string, opcode: number, bytes: Uint8Array): void {
    this.#retained.store(topic, opcode, bytes);
  }

  /**
   * Visits the kept values of a name, or of all that a pattern matches.
   * @throws {TypeError} ERR_TOPIC
   */
  retained<C>(
    pattern: string,
    visit: (value: RetainedValue, context: C) => void,
    context: C,
  ): void {
    this.#retained.visit(pattern, visit, context);
  }

  /** Keeps nothing for the topic any more; false when nothing was. @throws {TypeError} ERR_TOPIC */
  forget(topic: string): boolean {
    return this.#retained.forget(topic);
  }

  // ---- groups

  #find(pattern: string): Group<M> | undefined {
    return this.#names.get(pattern) ?? this.#patterns.get(pattern);
  }

  #checkLimits(index: number, isNew: boolean): void {
    const { maxSubscriptions, maxTopics } = this.#limits;
    if (this.#subscriptions.count(index) >= maxSubscriptions) {
      throw outOfRange(
        'ERR_TOPIC_LIMIT',
        `Cannot subscribe: one connection may have ${maxSubscriptions} subscriptions, and has them`,
      );
    }
    if (isNew && this.size >= maxTopics) {
      throw outOfRange(
        'ERR_TOPIC_LIMIT',
        `Cannot subscribe: there may be ${maxTopics} topics, and they are there`,
      );
    }
  }

  #addGroup(name: string, isPattern: boolean, first: M): Group<M> {
    const id = this.#freeIds.pop() ?? this.#groups.length;
    const group = new Group<M>(id, name, isPattern, first);
    this.#groups[id] = group;
    if (isPattern) {
      this.#patterns.set(name, group);
      this.#trie.set(name, group);
      this.#version += 1;
    } else {
      this.#names.set(name, group);
    }
    return group;
  }

  #dropGroup(group: Group<M>): void {
    this.#groups[group.id] = undefined;
    this.#freeIds.push(group.id);
    if (group.isPattern) {
      this.#patterns.delete(group.name);
      this.#trie.delete(group.name);
      this.#version += 1;
    } else {
      this.#names.delete(group.name);
    }
  }

  /** The patterns that a name with subscribers of its own matches. */
  #patternsOfGroup(group: Group<M>): readonly Group<M>[] {
    if (group.version !== this.#version) {
      group.patterns = this.#trie.matchName(group.name);
      group.version = this.#version;
    }
    return group.patterns;
  }

  /** The patterns that any name matches. */
  #patternsOf(topic: string): readonly Group<M>[] {
    const remembered = this.#remembered;
    if (this.#rememberedVersion !== this.#version || remembered.size >= REMEMBERED) {
      if (remembered.size > 0) remembered.clear();
      this.#rememberedVersion = this.#version;
    }
    let patterns = remembered.get(topic);
    if (patterns === undefined) {
      checkTopic(topic);
      patterns = this.#trie.matchName(topic);
      remembered.set(topic, patterns);
    }
    return patterns;
  }

  #remove(record: number, group: Group<M>): void {
    const { members } = group;
    const position = this.#subscriptions.position(record);
    this.#subscriptions.remove(record);
    group.live -= 1;
    if (this.#depth > 0) {
      members[position] = null;
      this.#holes.push({ group, position });
    } else if (position === members.length - 1) {
      members.pop();
    } else {
      this.#moveLast(group, position);
    }
    if (group.live === 0) this.#dropGroup(group);
  }

  /** Puts a group's last member, which is no hole, in another place. */
  #moveLast(group: Group<M>, position: number): void {
    const last = group.members.pop()!;
    group.members[position] = last;
    this.#subscriptions.move(this.#subscriptions.find(group.id, last.index), position);
  }

  #growStamps(index: number): void {
    const stamps = new Uint32Array(Math.max(this.#stamps.length * 2, index + 1));
    stamps.set(this.#stamps);
    this.#stamps = stamps;
  }
}

function nothing(): void {}
