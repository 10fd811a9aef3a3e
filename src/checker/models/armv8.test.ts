import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseLitmus, runLitmus } from '../litmus/index.ts';
import { armv8 } from './armv8.ts';

/**
 * Whether threads may end as the condition says. Instructions stand between semicolons; in every
 * thread X11 to X14 are the addresses of x, y, z and w, and W20 is 1, W21 is 2.
 */
function ask(threads: readonly string[], condition: string): string {
  const columns = threads.map((thread) => thread.split(';').map((line) => line.trim()));
  const rows = Math.max(...columns.map((column) => column.length));
  const initial = threads.map((_, thread) => {
    const addresses = ['x', 'y', 'z', 'w'].map((name, i) => `${thread}:X${11 + i}=${name};`);
    return [...addresses, `${thread}:X20=1;`, `${thread}:X21=2;`].join(' ');
  });
  const lines = Array.from({ length: rows }, (_, row) =>
    columns.map((column) => column[row] ?? '').join(' | '),
  );
  const names = threads.map((_, thread) => `P${thread}`).join(' | ');
  const text = ['AArch64 test', `{ int x[4]; ${initial.join('\n')} }`, `${names} ;`];
  for (const line of lines) text.push(`${line} ;`);
  text.push(`exists (${condition})`);
  return runLitmus(parseLitmus(text.join('\n')), armv8).observation;
}

/** Message passing: x then y on one side, y then x on the other; the second side between. */
function messagePassing(writer: string, reader: string): string {
  return ask(
    [`STR W20,[X11]; ${writer}; STR W20,[X12]`, `LDR W0,[X12]; ${reader}; LDR W1,[X11]`],
    '1:X0=1 /\\ 1:X1=0',
  );
}

/** Store buffering with the same between both accesses; z in thread 0 is w in thread 1. */
function storeBuffering(between: string): string {
  const other = between.replaceAll('X13', 'X14');
  return ask(
    [`STR W20,[X11]; ${between}; LDR W9,[X12]`, `STR W20,[X12]; ${other}; LDR W9,[X11]`],
    '0:X9=0 /\\ 1:X9=0',
  );
}

/** Load buffering: thread 1 is ordered, thread 0 does this from W0 (of x) to its write of y. */
function loadBuffering(from: string): string {
  return ask([`LDR W0,[X11]; ${from}`, 'LDR W0,[X12]; DMB SY; STR W20,[X11]'], '0:X0=1 /\\ 1:X0=1');
}

describe('armv8 barriers', () => {
  it('each orders what its name says', () => {
    assert.equal(messagePassing('NOP', 'DMB SY'), 'Sometimes');
    assert.equal(messagePassing('DMB ST', 'DMB LD'), 'Never');
    assert.equal(messagePassing('DMB LD', 'DMB LD'), 'Sometimes');
    assert.equal(messagePassing('DMB ST', 'DMB ST'), 'Sometimes');
    assert.equal(messagePassing('DSB ISHST', 'DSB ISHLD'), 'Never');
    assert.equal(storeBuffering('DMB SY'), 'Never');
    assert.equal(storeBuffering('DMB ST; DMB LD'), 'Sometimes');
    assert.equal(storeBuffering('DSB SY'), 'Never');
    assert.equal(storeBuffering('DSB ST'), 'Never');
    assert.equal(storeBuffering('DMB ST'), 'Sometimes');
  });

  it('an ISB waits for branches, addresses and a DSB', () => {
    const after = (before: string): string => messagePassing('DMB SY', `${before}; ISB`);
    assert.equal(after('NOP'), 'Sometimes');
    assert.equal(after('CBNZ W0,L; L:'), 'Never');
    assert.equal(after('LDR W5,[X13,W0,UXTW]'), 'Never');
    assert.equal(after('DSB LD'), 'Never');
    assert.equal(messagePassing('DMB SY', 'CBNZ W0,L; L:'), 'Sometimes');
  });
});

describe('armv8 acquire and release', () => {
  it('LDAR orders what follows, STLR what precedes, and an LDAR waits for an earlier STLR', () => {
    const threads = (load: string, store: string): string[] => [
      `${store} W20,[X11]; ${load} W0,[X12]`,
      `${store} W20,[X12]; ${load} W0,[X11]`,
    ];
    const both = '0:X0=0 /\\ 1:X0=0';
    assert.equal(ask(threads('LDAR', 'STLR'), both), 'Never');
    assert.equal(ask(threads('LDAPR', 'STLR'), both), 'Sometimes');
    assert.equal(ask(threads('LDR', 'STLR'), both), 'Sometimes');
    const passing = (load: string, store: string): string[] => [
      `STR W20,[X11]; ${store} W20,[X12]`,
      `${load} W0,[X12]; LDR W1,[X11]`,
    ];
    const stale = '1:X0=1 /\\ 1:X1=0';
    assert.equal(ask(passing('LDAPR', 'STLR'), stale), 'Never');
    assert.equal(ask(passing('LDR', 'STLR'), stale), 'Sometimes');
    assert.equal(ask(passing('LDAR', 'STR'), stale), 'Sometimes');
  });

  it('a swap with both is a barrier, one that returns nothing is none', () => {
    assert.equal(storeBuffering('SWPAL W20,W5,[X13]'), 'Never');
    assert.equal(storeBuffering('SWPA W20,W5,[X13]'), 'Sometimes');
    assert.equal(storeBuffering('SWPL W20,W5,[X13]'), 'Sometimes');
    assert.equal(storeBuffering('SWPAL W20,WZR,[X13]'), 'Sometimes');
  });

  it('a load barrier does not order a read whose value goes nowhere', () => {
    const reader = (instruction: string): string =>
      ask(
        ['STR W20,[X11]; DMB SY; STR W20,[X12]', `${instruction}; DMB LD; LDR W1,[X11]`],
        '[y]=2 /\\ 1:X1=0',
      );
    assert.equal(reader('LDADD W20,W5,[X12]'), 'Never');
    assert.equal(reader('STADD W20,[X12]'), 'Sometimes');
  });

  it('the accesses of a pair instruction are in no order', () => {
    const read = (pair: string): string =>
      ask(
        ['STR W20,[X11]; DMB ST; STR W20,[X11,#4]', `${pair} W0,W1,[X11]; NOP`],
        '1:X1=1 /\\ 1:X0=0',
      );
    assert.equal(read('LDP'), 'Sometimes');
    const write = (pair: string): string =>
      ask([`${pair} W20,W20,[X11]`, 'LDR W0,[X11,#4]; DMB LD; LDR W1,[X11]'], '1:X0=1 /\\ 1:X1=0');
    assert.equal(write('STP'), 'Sometimes');
    assert.equal(write('STLP'), 'Sometimes');
    assert.equal(write('STILP'), 'Never');
  });
});

describe('armv8 dependencies', () => {
  it('writes wait for their data, their address, and the branches before them', () => {
    assert.equal(loadBuffering('STR W20,[X12]'), 'Sometimes');
    assert.equal(loadBuffering('EOR W1,W0,W0; ADD W1,W1,#1; STR W1,[X12]'), 'Never');
    assert.equal(loadBuffering('EOR W1,W0,W0; STR W20,[X12,W1,SXTW]'), 'Never');
    assert.equal(loadBuffering('EOR W1,W0,W0; LDR W2,[X13,W1,SXTW]; STR W20,[X12]'), 'Never');
    assert.equal(loadBuffering('CBNZ W0,L; L: STR W20,[X12]'), 'Never');
    assert.equal(loadBuffering('MUL W1,W0,WZR; ADD W1,W1,#1; STR W1,[X12]'), 'Never');
  });

  it('are carried through memory', () => {
    const through = (back: string): string =>
      messagePassing('DMB SY', `STR W0,[X13]; ${back}; EOR W6,W5,W5; ADD X11,X11,W6,SXTW`);
    assert.equal(through('LDR W5,[X13]'), 'Never');
    assert.equal(through('LDR W5,[X14]'), 'Sometimes');
    assert.equal(loadBuffering('STR W0,[X13]; LDR W5,[X13]; STR W5,[X12]'), 'Never');
  });

  it('of a read on the write before it order later accesses behind an acquire', () => {
    const behind = (load: string): string =>
      messagePassing('DMB SY', `STR W0,[X13]; ${load} W5,[X13]`);
    assert.equal(behind('LDAR'), 'Never');
    assert.equal(behind('LDAPR'), 'Never');
    assert.equal(behind('LDR'), 'Sometimes');
  });

  it('an atomic addition is computed from what it read, a swap is not', () => {
    const after = (instruction: string, load: string, use = 'NOP'): string =>
      ask(
        [
          'STR W20,[X11]; DMB SY; STR W20,[X12]',
          `${instruction} W22,W0,[X12]; ${load} W5,[X12]; EOR W6,W5,W5; ${use}; LDR W1,[X11]`,
        ],
        '1:X0=1 /\\ 1:X1=0',
      );
    const use = 'ADD X11,X11,W6,SXTW';
    assert.equal(after('LDADD', 'LDR', use), 'Never');
    assert.equal(after('SWP', 'LDR', use), 'Sometimes');
    assert.equal(after('SWP', 'LDAR'), 'Never');
    assert.equal(after('SWP', 'LDR'), 'Sometimes');
  });

  it('the status of a store-exclusive carries none', () => {
    const from = 'LDXR W4,[X13]; STXR W5,W0,[X13]; EOR W6,W5,W5; ADD W6,W6,#1; STR W6,[X12]';
    assert.equal(loadBuffering(from), 'Sometimes');
  });

  it('what is only picked orders writes, not reads', () => {
    const picked = 'CMP W0,#1; CSEL W1,W20,W20,EQ';
    assert.equal(loadBuffering(`${picked}; STR W1,[X12]`), 'Never');
    assert.equal(loadBuffering(`${picked}; CBNZ W1,L; L: STR W20,[X12]`), 'Never');
    assert.equal(messagePassing('DMB SY', `${picked}; CBNZ W1,L; L: NOP`), 'Sometimes');
    assert.equal(messagePassing('DMB SY', `${picked}; CBNZ W1,L; L: ISB`), 'Never');
    assert.equal(
      messagePassing('DMB SY', `${picked}; SUB W1,W1,#1; ADD X11,X11,W1,SXTW`),
      'Sometimes',
    );
    const chosen = 'CMP W0,#1; CSEL W1,W0,W20,EQ';
    assert.equal(messagePassing('DMB SY', `${chosen}; SUB W1,W1,#1; ADD X11,X11,W1,SXTW`), 'Never');
  });

  it('what is only picked orders later writes behind an acquire of it', () => {
    const picked = 'CMP W0,#1; CSEL W1,W20,W20,EQ; STR W1,[X13]';
    assert.equal(loadBuffering(`${picked}; LDAR W2,[X13]; STR W20,[X12]`), 'Never');
    assert.equal(loadBuffering(`${picked}; LDR W2,[X13]; STR W20,[X12]`), 'Sometimes');
  });
});

describe('armv8 coherence and atomicity', () => {
  it('reads and writes of one location are coherent', () => {
    const condition = '1:X0=2 /\\ 1:X1=1';
    const threads = ['STR W20,[X11]; STR W21,[X11]', 'LDR W0,[X11]; LDR W1,[X11]'];
    assert.equal(ask(threads, condition), 'Never');
  });

  it('nothing of another thread comes between the halves of a read-modify-write', () => {
    const lost = (increment: string): string => ask([increment, increment], 'x[0]=1');
    assert.equal(lost('LDR W0,[X11]; ADD W0,W0,#1; STR W0,[X11]'), 'Sometimes');
    assert.equal(lost('LDADD W20,W0,[X11]'), 'Never');
    const exclusive = 'LDXR W0,[X11]; ADD W0,W0,#1; STXR W1,W0,[X11]';
    assert.equal(ask([exclusive, exclusive], 'x[0]=1 /\\ 0:X1=0 /\\ 1:X1=0'), 'Never');
  });

  it('a write of the own thread may come between exclusives', () => {
    const thread = 'LDXR W0,[X11]; STR W20,[X11]; STXR W1,W21,[X11]';
    assert.equal(ask([thread, 'NOP'], '0:X1=0 /\\ 0:X0=0 /\\ x[0]=2'), 'Sometimes');
  });

  it('writes become visible to all other threads at once', () => {
    const reader = (first: string, second: string): string =>
      `LDR W0,[${first}]; DMB LD; LDR W1,[${second}]`;
    const threads = ['STR W20,[X11]', 'STR W20,[X12]', reader('X11', 'X12'), reader('X12', 'X11')];
    assert.equal(ask(threads, '2:X0=1 /\\ 2:X1=0 /\\ 3:X0=1 /\\ 3:X1=0'), 'Never');
  });
});
