/** What spec/vectors/ must hold: written from the references of this folder alone. */
import {
  itemOf,
  Block,
  maskBlock,
  maskSegment,
  Model,
  segmentOf,
  type Shape,
  sparse,
} from './memory.ts';
import { type SegmentCase, SEGMENTS, STRUCTS, type TraceCase, TRACES } from './cases.ts';
import { encode, fingerprintText, parseText, Pieces } from './structs.ts';

const TEXTS: ReadonlyMap<string, string> = new Map(
  STRUCTS.map(({ text }) => [parseText(text).name, text]),
);

/** `TOPOLOGY LOSSY LANES CONSUMERS SLOTS SLAB STRUCT`. */
export function shapeOf(words: string): Shape {
  const [topology, lossy, lanes, consumers, slots, slab, struct] = words.split(' ');
  return {
    topology: topology as Shape['topology'],
    lossy: lossy === '1',
    lanes: Number(lanes),
    consumers: Number(consumers),
    slots: Number(slots),
    slab: Number(slab),
    struct: struct!,
  };
}

/** The canonical text of a struct of the vectors. */
export function textOf(struct: string): string {
  return TEXTS.get(struct)!;
}

function structs(): string {
  const parts = STRUCTS.map(({ text, values }) => {
    const layout = parseText(text);
    const lines = [
      'struct',
      ...text
        .trimEnd()
        .split('\n')
        .map((line) => `text ${line}`),
    ];
    lines.push(`fingerprint ${fingerprintText(text)}`);
    for (const value of values) {
      const pieces = new Pieces();
      const slot = encode(layout, value, pieces);
      lines.push(`value ${JSON.stringify(value)}`, `slot ${slot.toString('hex')}`);
      if (pieces.bytes.length > 0) lines.push(`slab ${pieces.bytes.toString('hex')}`);
    }
    return lines.join('\n');
  });
  return `${parts.join('\n\n')}\n`;
}

function segmentLines({ name, rings }: SegmentCase): string {
  const segment = segmentOf({
    kind: rings.length === 1 ? 1 : 2,
    name,
    rings: rings.map((words) => {
      const shape = shapeOf(words);
      const text = textOf(shape.struct);
      const block = new Block(shape, parseText(text).size);
      return { text, fingerprint: fingerprintText(text), block };
    }),
  });
  const head = [
    `segment ${name}`,
    ...rings.map((words) => `ring ${words}`),
    `bytes ${segment.length}`,
  ];
  return `${head.join('\n')}\n${sparse(maskSegment(segment))}`;
}

/** Does what an operation says on the model; throws when the trace expects something else. */
function operate(model: Model, operation: string): void {
  const [word, name = '', ...rest] = operation.split(' ');
  const message = [Number(rest[0]), Number(rest[1]), Number(rest[2])] as const;
  const expect = (found: string, wanted: string): void => {
    if (found !== wanted) throw new Error(`Cannot ${operation}: it is ${found}`);
  };
  switch (word) {
    case 'producer':
      return model.produce(name, Number(rest[0]));
    case 'consumer':
      return model.consume(name);
    case 'push':
      return expect(model.push(name, message), rest[3]!);
    case 'abort':
      return model.abort(name, message);
    case 'flush':
      return model.flush(name);
    case 'close':
      return model.close(name);
    case 'detach':
      return model.detach(name);
    case 'pop': {
      const popped = model.pop(name);
      if (typeof popped === 'string') return expect(popped, rest[0]!);
      const { slot } = itemOf(message);
      return expect(popped.toString('hex', 0, 16), slot.toString('hex', 0, 16));
    }
    case 'lost':
      return expect(String(model.lost(name)), rest[0]!);
    default:
      // A consumer that leaves changes nothing here: its successor goes on where it was.
      return;
  }
}

function traceLines({ name, ring, words = {}, operations }: TraceCase): string {
  const shape = shapeOf(ring);
  const block = new Block(shape, parseText(textOf(shape.struct)).size);
  const lines = [`trace ${name}`, `ring ${ring}`];
  for (const [offset, value] of Object.entries(words)) {
    lines.push(`word ${offset} ${value}`);
    block.store(Number(offset), value);
  }
  const model = new Model(block);
  for (const operation of operations) operate(model, operation);
  lines.push(...operations, `bytes ${block.bytes.length}`);
  return `${lines.join('\n')}\n${sparse(maskBlock(block.bytes, shape))}`;
}

/** Every file of spec/vectors/ but README.md, by name. */
export function vectorFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['structs.txt', structs()],
    ['segments.txt', `${SEGMENTS.map(segmentLines).join('\n\n')}\n`],
    ['traces.txt', `${TRACES.map(traceLines).join('\n\n')}\n`],
  ]);
}
