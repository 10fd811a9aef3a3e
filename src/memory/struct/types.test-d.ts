/** What must compile and what must not. Compiled with everything else; never run. */
import {
  array,
  bool,
  bytes,
  type Cursor,
  f64,
  flags,
  i64,
  type Infer,
  oneOf,
  optional,
  safe,
  slab,
  struct,
  StructType,
  type structFromLayout,
  text,
  u16,
  u32,
  u64,
  u8,
  type Views,
} from './index.ts';

// The usual test of equality: two generic functions are the same only if their conditions are.
// oxlint-disable typescript/no-unnecessary-type-parameters
type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_equal: Equal<A, B>): void {}

function takes<T>(_value: T): void {}
// oxlint-enable typescript/no-unnecessary-type-parameters

declare const views: Views;

const Point = struct('geo.Point', { x: f64, y: f64 });
const Trade = struct('md.Trade', {
  id: u64,
  price: f64,
  quantity: u32,
  side: oneOf('u8', ['buy', 'sell']),
  symbol: text(8),
  sequence: safe(u64),
  ok: bool,
  marks: flags('u8', ['hidden', 'firm']),
  key: bytes(16),
  point: Point,
  levels: array(u16, 4),
  route: array(Point, 2),
  limit: optional(f64),
  origin: optional(Point),
  note: slab(),
  data: optional(slab('bytes')),
});
type Trade = Infer<typeof Trade>;

same<Infer<typeof Point>, { x: number; y: number }>(true);
same<
  Trade,
  {
    id: bigint;
    price: number;
    quantity: number;
    side: 'buy' | 'sell';
    symbol: string;
    sequence: number;
    ok: boolean;
    marks: { hidden: boolean; firm: boolean };
    key: Uint8Array;
    point: { x: number; y: number };
    levels: number[];
    route: { x: number; y: number }[];
    note: string;
    limit?: number | undefined;
    origin?: { x: number; y: number } | undefined;
    data?: Uint8Array | undefined;
  }
>(true);
same<typeof Trade, StructType<Trade, 'note' | 'data'>>(true);
same<typeof Point, StructType<{ x: number; y: number }, never>>(true);

/** A struct whose type is written by hand, as isolated declarations demand. */
interface Quote {
  bid: number;
  venue: string;
}
takes<StructType<Quote>>(struct('md.Quote', { bid: f64, venue: text(4) }));
takes<StructType<Trade>>(Trade);
// @ts-expect-error the types of the fields differ
takes<StructType<Quote>>(struct('md.Quote', { bid: u64, venue: text(4) }));
// @ts-expect-error a field is missing
takes<StructType<Quote>>(struct('md.Quote', { bid: f64 }));

const cursor = Trade.cursor(views);
same<typeof cursor, Cursor<Trade, 'note' | 'data'>>(true);
same<typeof cursor.id, bigint>(true);
same<typeof cursor.side, 'buy' | 'sell'>(true);
same<typeof cursor.limit, number | undefined>(true);
cursor.price = 1.5;
cursor.side = 'sell';
cursor.limit = undefined;
cursor.point.x = 3;
cursor.point = { x: 1, y: 2 };
cursor.marks.firm = true;
cursor.marks = { hidden: true, firm: false };
cursor.levels = [1, 2, 3, 4];
cursor.route = [
  { x: 1, y: 2 },
  { x: 3, y: 4 },
];
cursor.route.at(1)!.x = 4;
cursor.key = new Uint8Array(16);
cursor.$view('levels').set(1, 5);
cursor.$view('route').set(1, { x: 1, y: 1 });
cursor.$view('point').$set({ x: 1, y: 1 });
same<ReturnType<typeof cursor.$get>, Trade>(true);
takes<number>(cursor.$locate('note') + cursor.$located + cursor.$reserve('data', 4));
for (const level of cursor.levels) same<typeof level, number>(true);

declare const full: Trade;
cursor.$set(full);
cursor.$set(cursor);
declare const required: Omit<Trade, 'limit' | 'origin' | 'data'>;
cursor.$set(required);

// @ts-expect-error a number is no bigint
cursor.id = 1;
// @ts-expect-error safe integers are numbers
cursor.sequence = 1n;
// @ts-expect-error not one of the choices
cursor.side = 'hold';
// @ts-expect-error there is no such field
cursor.prise = 1;
// @ts-expect-error the field is not optional
cursor.price = undefined;
// @ts-expect-error a flag is missing
cursor.marks = { hidden: true };
// @ts-expect-error elements are not written through the sequence
cursor.levels[0] = 1;
// @ts-expect-error fields are missing
cursor.$set({ id: 1n });
// @ts-expect-error `$located` is for reading
cursor.$located = 3;
// @ts-expect-error symbol is text in the struct, not in the slab side
cursor.$locate('symbol');
// @ts-expect-error the same for reserving
cursor.$reserve('key', 16);
// @ts-expect-error a scalar has no view
cursor.$view('price');

// @ts-expect-error slab fields are of the top level alone
struct('a.B', { trade: Trade });
// @ts-expect-error and not in arrays
array(slab(), 2);
// @ts-expect-error nor are structs that have them
array(Trade, 2);
// @ts-expect-error arrays have no arrays
array(array(u8, 2), 2);
// @ts-expect-error elements are always there
array(optional(u8), 2);
// @ts-expect-error a field is optional once
optional(optional(u8));
// @ts-expect-error only 64-bit integers can be unsafe
safe(u32);
// @ts-expect-error there is no such base
oneOf('i8', ['a']);
// @ts-expect-error slabs hold text or bytes
slab('json');
// @ts-expect-error a schema consists of types
struct('a.B', { a: 'u8' });
// @ts-expect-error layouts are read-only
Trade.fields.push(Trade.fields[0]!);
// @ts-expect-error structs are made by `struct`
takes(new StructType(Trade.descriptor, Trade.layout));

struct('a.B', { quote: struct('a.C', { bid: safe(i64) }) });
same<Infer<ReturnType<typeof structFromLayout>>, Record<string, unknown>>(true);
