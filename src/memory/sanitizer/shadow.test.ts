import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Ranges, Shadow, type Piece } from './shadow.ts';
import { Site } from './sites.ts';

const SIZE = 64 * 1024;

function piece(offset: number, length: number): Piece {
  return {
    what: 'piece',
    offset,
    length,
    taken: new Site(),
    isFree: undefined,
    slackFrom: offset + length,
    back: undefined,
    isKernels: false,
    isFilled: false,
  };
}

/** Ranges of whole granules, as allocators hand them out. */
const ranges = fc.array(
  fc.tuple(fc.nat(SIZE / 8 - 1), fc.integer({ min: 1, max: 2000 }), fc.boolean()),
  { maxLength: 12 },
);

describe('Shadow', () => {
  it('knows who had each byte last, as a plain array does', () => {
    fc.assert(
      fc.property(ranges, fc.array(fc.nat(SIZE - 1), { maxLength: 20 }), (taken, looks) => {
        const shadow = new Shadow(new ArrayBuffer(SIZE));
        const owners = new Array<Piece | undefined>(SIZE / 8).fill(undefined);
        for (const [first, granules, isBack] of taken) {
          const end = Math.min(SIZE / 8, first + granules);
          const one = piece(first * 8, (end - first) * 8);
          if (isBack) one.back = new Site();
          shadow.take(one);
          owners.fill(one, first, end);
        }
        for (const at of looks) {
          assert.equal(shadow.at(at), owners[at >>> 3]);
          const length = Math.min(5000, SIZE - at);
          const inside = owners.slice(at >>> 3, Math.ceil((at + length) / 8));
          assert.equal(
            shadow.firstBack(at, length),
            inside.find((one) => one?.back !== undefined),
          );
          let covered = 0;
          for (const [one, from, to] of shadow.runs(at, length)) {
            assert.ok(from >= at && to <= at + length && from < to);
            assert.equal(shadow.at(from), one);
            covered += to - from;
          }
          const known = Array.from({ length }, (_, i) => owners[(at + i) >>> 3]).filter(Boolean);
          assert.equal(covered, known.length);
        }
      }),
    );
  });

  it('asks allocators that threads share before it says that memory was given back', () => {
    const shadow = new Shadow(new ArrayBuffer(SIZE));
    let isFree = true;
    const one = { ...piece(128, 64), isFree: () => isFree, back: new Site() };
    shadow.take(one);
    assert.equal(shadow.firstBack(130, 1), one);
    isFree = false;
    assert.equal(shadow.firstBack(130, 1), undefined);
  });

  it('takes what was seen to be written for written, whatever it is', () => {
    const shadow = new Shadow(new ArrayBuffer(SIZE));
    shadow.clear(64, 16);
    assert.ok(shadow.isUnwritten(70));
    shadow.written(64, 4);
    assert.ok(!shadow.isUnwritten(64));
    assert.ok(shadow.isUnwritten(68));
    shadow.clear(64, 16);
    assert.ok(shadow.isUnwritten(64));
  });
});

describe('Ranges', () => {
  it('finds what overlaps, and nothing else', () => {
    const all = new Ranges<{ offset: number; length: number }>();
    const large = { offset: 100, length: 1 << 20 };
    const small = { offset: 65_536, length: 8 };
    all.add(large);
    all.add(small);
    assert.equal(
      all.find(65_540, 1, (range) => range.length < 100),
      small,
    );
    assert.equal(
      all.find(500_000, 8, () => true),
      large,
    );
    assert.equal(
      all.find(0, 100, () => true),
      undefined,
    );
    all.delete(large);
    all.delete(large);
    assert.equal(
      all.find(500_000, 8, () => true),
      undefined,
    );
    all.delete(small);
    assert.ok(all.isEmpty);
  });
});
