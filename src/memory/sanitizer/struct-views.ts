/**
 * Cursors under the sanitizer: their accessors and methods ask before they touch the memory.
 *
 * A ring gives the same cursor for every message, so that one which was kept shows another message
 * later. Here each message has a cursor of its own (`lendCursor`), which is over when the ring has
 * moved on. A cursor that a program makes itself remembers the piece of memory that it was set to.
 */
import { sizeOf } from '../struct/layout.ts';
import type { FieldLayout, StructDescriptor } from '../struct/types.ts';
import type { Views } from '../struct/views.ts';
import {
  checkBorrow,
  checkLoans,
  checkPiece,
  reportUnwritten,
  type Access,
  type Action,
} from './borrows.ts';
import { detachedAt, isDetached } from './detached.ts';
import { clearLeaves, isThere, isUnwritten, unwrittenLeaf, Written } from './leaves.ts';
import { firstUnwritten } from './patterns.ts';
import { reportHere, viewError, type Happened } from './reports.ts';
import { knownShadow, type Borrow, type Piece, type Range, type Shadow } from './shadow.ts';
import { Site } from './sites.ts';

/** What is known of a cursor, shared with the views of its parts. */
interface State {
  readonly views: Views;
  readonly shadow: Shadow | undefined;
  readonly created: Site;
  /** Where its bytes are, and for how long; undefined for a program's own cursor. */
  borrow: Borrow | undefined;
  /** The memory that a program's own cursor was set to. */
  piece: Piece | undefined;
  /** What was written since the bytes were cleared; undefined when they were not. */
  written: Written | undefined;
  /** Memory of the slab side that `$reserve` gave. */
  readonly reserved: Range[];
}

/** A view of a struct or of a part of one, as far as it matters here. */
interface AnyView {
  $offset: number;
  readonly $slab: unknown;
  /** Structs alone have it. */
  readonly $struct: StructDescriptor;
}

/** What is accessed, from the view's offset on. */
interface Place {
  readonly at: number;
  readonly length: number;
  readonly label: string;
}

type Method = (this: AnyView, ...args: unknown[]) => unknown;

/** What is done around a method. */
interface Around {
  readonly action: Action;
  readonly before?: (view: AnyView, state: State) => void;
  readonly after?: (view: AnyView, state: State, result: unknown, args: unknown[]) => void;
}

/** What is done around an accessor. */
interface AroundField extends Place {
  /** Reading gives a view of a part, and reads nothing. */
  readonly isPart: boolean;
  /** Whether there is something to read. */
  readonly isThere: (view: AnyView, shadow: Shadow) => boolean;
}

const PARTS: ReadonlySet<string> = new Set(['struct', 'array', 'flags']);
const always = (): boolean => true;

/** See the head of this file. */
export class StructViews {
  readonly #states = new WeakMap<object, State>();

  watchStruct(prototype: object, struct: StructDescriptor): void {
    for (const field of struct.fields) {
      this.#watchAccessor(prototype, field.name, aroundField(struct, field));
    }
    const whole = { at: 0, length: struct.size, label: struct.name };
    this.#watchMethod(prototype, '$get', whole, {
      action: 'read',
      before: (view, state) => checkFields(view, state),
    });
    this.#watchMethod(prototype, '$set', whole, { action: 'write' });
    this.#watchMethod(prototype, '$clear', whole, { action: 'write' });
    this.#watchMethod(prototype, '$copyTo', whole, { action: 'touch' });
    this.#watchMethod(prototype, '$locate', whole, { action: 'touch' });
    this.#watchMethod(prototype, '$reserve', whole, {
      action: 'touch',
      after: (_view, { shadow, borrow, reserved }, offset, [, length]) => {
        if (!shadow || !borrow || (offset as number) < 0) return;
        const range = { offset: offset as number, length: length as number };
        shadow.clear(range.offset, range.length);
        reserved.push(range);
      },
    });
  }

  watchPart(prototype: object, size: number, label: string): void {
    const whole = { at: 0, length: size, label };
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (Object.getOwnPropertyDescriptor(prototype, name)!.get === undefined) continue;
      const field = { ...whole, label: `${label}.${name}`, isPart: false, isThere: always };
      this.#watchAccessor(prototype, name, field);
    }
    this.#watchMethod(prototype, '$get', whole, { action: 'read' });
    this.#watchMethod(prototype, '$set', whole, { action: 'write' });
    if (!('at' in prototype)) return;
    this.#watchMethod(prototype, 'set', whole, { action: 'write' });
    this.#watchMethod(prototype, 'at', whole, {
      action: 'read',
      after: (_view, state, result) => {
        if (typeof result === 'object' && result !== null) this.#states.set(result, state);
      },
    });
  }

  watchCursor(cursor: object, views: Views): void {
    const shadow = knownShadow(views.buffer);
    const state: State = {
      views,
      shadow,
      created: new Site(),
      borrow: undefined,
      piece: undefined,
      written: undefined,
      reserved: [],
    };
    this.#states.set(cursor, state);
    let offset = (cursor as AnyView).$offset;
    Object.defineProperty(cursor, '$offset', {
      configurable: true,
      enumerable: true,
      get: () => offset,
      set: (value: number) => {
        offset = value;
        // Moved by the program: it answers for the new place.
        if (state.borrow?.offset === value) return;
        state.borrow = undefined;
        state.written = undefined;
        state.piece = shadow?.at(value);
      },
    });
  }

  lendCursor<C extends object>(cursor: C, what: string): C {
    const from = cursor as unknown as AnyView;
    const known = this.#states.get(cursor);
    if (!known) return cursor;
    const lent = new (from.constructor as new (slab: unknown) => AnyView)(from.$slab);
    this.watchCursor(lent, known.views);
    lent.$offset = from.$offset;
    const state = this.#states.get(lent)!;
    const { created, piece } = state;
    const { size: length, name } = from.$struct;
    state.borrow = {
      what: `${what} of ${name}`,
      offset: from.$offset,
      length,
      created,
      piece: piece?.back ? undefined : piece,
      isFresh: false,
      ended: undefined,
    };
    return lent as unknown as C;
  }

  endCursor(cursor: object, why: string): void {
    const borrow = this.#states.get(cursor)?.borrow;
    if (borrow && !borrow.ended) borrow.ended = { code: 'ERR_VIEW_EXPIRED', why, site: new Site() };
  }

  clearCursor(cursor: object): void {
    const state = this.#states.get(cursor);
    if (!state?.shadow || !state.borrow) return;
    const { offset, length } = state.borrow;
    state.shadow.u8.fill(0, offset, offset + length);
    clearLeaves(state.shadow, (cursor as AnyView).$struct, offset);
    state.written = new Written();
  }

  checkWritten(cursor: object, doing: string): void {
    const { borrow, shadow, written, reserved = [] } = this.#states.get(cursor) ?? {};
    if (!borrow || !shadow) return;
    const { $struct: struct } = cursor as AnyView;
    const leaf = written && unwrittenLeaf(shadow, struct, borrow.offset, struct.name, written);
    const piece = reserved.find((range) => firstUnwritten(shadow, range.offset, range.length) >= 0);
    const missing = leaf?.label ?? (piece && `what $reserve gave (${piece.length} bytes)`);
    if (missing === undefined) return;
    reportHere(
      viewError('ERR_VIEW_UNWRITTEN', `Cannot ${doing}: ${missing} was never written`, [
        [`the ${borrow.what} was made`, borrow.created],
        ['it was to be published', new Site()],
      ]),
    );
  }

  #watchAccessor(prototype: object, name: string, around: AroundField): void {
    const accessors = Object.getOwnPropertyDescriptor(prototype, name)!;
    const states = this.#states;
    Object.defineProperty(prototype, name, {
      configurable: true,
      enumerable: false,
      get(this: AnyView): unknown {
        const state = states.get(this);
        if (state) checkRead(this, state, around);
        const value: unknown = accessors.get!.call(this);
        if (state && around.isPart && typeof value === 'object') states.set(value!, state);
        return value;
      },
      set(this: AnyView, value: unknown) {
        const state = states.get(this);
        if (state) check(this, state, around, 'write');
        accessors.set!.call(this, value);
        if (state) noteWritten(this, state, around);
      },
    });
  }

  #watchMethod(prototype: object, name: string, place: Place, around: Around): void {
    const method = (prototype as Record<string, Method>)[name]!;
    const { action, before, after } = around;
    const states = this.#states;
    Object.defineProperty(prototype, name, {
      configurable: true,
      enumerable: false,
      writable: true,
      value(this: AnyView, ...args: unknown[]): unknown {
        const state = states.get(this);
        if (!state) return method.apply(this, args);
        check(this, state, place, action);
        before?.(this, state);
        const result = method.apply(this, args);
        if (action === 'write') noteWritten(this, state, place);
        after?.(this, state, result, args);
        return result;
      },
    });
  }
}

function noteWritten(view: AnyView, { shadow, written }: State, { at, length }: Place): void {
  written?.add(view.$offset + at, length);
  shadow?.written(view.$offset + at, length);
}

function aroundField(struct: StructDescriptor, field: FieldLayout): AroundField {
  const { name, offset: at, type, presence } = field;
  return {
    at,
    length: sizeOf(type),
    label: `${struct.name}.${name}`,
    isPart: PARTS.has(type.kind),
    isThere: (view, shadow) => isThere(shadow, view.$offset + struct.presenceOffset, presence),
  };
}

/** @throws a report when the bytes may not be used in that way */
function check(view: AnyView, state: State, place: Place, action: Action): void {
  const { at, length, label } = place;
  const { borrow, shadow, views } = state;
  const access: Access = { offset: view.$offset + at, length, action, label };
  if (isDetached(views.buffer, views.size)) reportDetached(state, label);
  if (borrow) checkBorrow(borrow, access);
  if (!shadow) return;
  const piece = borrow ? undefined : pieceInTheWay(state, shadow, access.offset);
  if (piece) checkPiece(piece, access, ownBorrow(state, access));
  checkLoans(shadow, access, borrow);
}

/** The released memory that a program's own cursor is in. */
function pieceInTheWay({ piece }: State, shadow: Shadow, offset: number): Piece | undefined {
  if (piece?.back) return piece.isFree?.() === false ? undefined : piece;
  const now = shadow.at(offset);
  return now?.back && now.isFree?.() !== false ? now : undefined;
}

/** A program's own cursor, as reports tell of it. */
function ownBorrow({ created, piece }: State, { offset, length }: Access): Borrow {
  return { what: 'cursor', offset, length, created, piece, isFresh: false, ended: undefined };
}

function checkRead(view: AnyView, state: State, around: AroundField): void {
  check(view, state, around, around.isPart ? 'touch' : 'read');
  const { shadow, borrow, written } = state;
  if (around.isPart || !shadow || !around.isThere(view, shadow)) return;
  const { at, length, label } = around;
  const offset = view.$offset + at;
  if (!isUnwritten(shadow, offset, length, written)) return;
  reportUnwritten(shadow, offset, { offset, length, action: 'read', label }, borrow);
}

/** All fields at once, for `$get`. */
function checkFields(view: AnyView, { shadow, borrow, written }: State): void {
  const { $struct: struct, $offset: offset } = view;
  const leaf = shadow && unwrittenLeaf(shadow, struct, offset, struct.name, written);
  if (!leaf) return;
  const access: Access = {
    offset: leaf.offset,
    length: leaf.size,
    action: 'read',
    label: leaf.label,
  };
  reportUnwritten(shadow, leaf.offset, access, borrow);
}

function reportDetached({ views, created }: State, label: string): never {
  const sites: Happened[] = [['the cursor was made', created]];
  const site = detachedAt(views.buffer);
  if (site) sites.push(['its buffer was detached', site]);
  sites.push(['it was used', new Site()]);
  const message = `Cannot use ${label}: the buffer that it is in was detached`;
  return reportHere(viewError('ERR_VIEW_DETACHED', message, sites));
}
