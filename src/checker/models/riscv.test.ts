/** What each rule of RVWMO forbids, and what it does not: all by shapes of two or three harts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseLitmus, runLitmus } from '../litmus/index.ts';
import { riscv } from './riscv.ts';

/** Each hart's instructions, `;` between them; x6 is the address of x, x7 of y, x8 of z. */
function observe(harts: readonly string[], condition: string): boolean {
  const columns = harts.map((hart) => hart.split(';').map((one) => one.trim()));
  const length = Math.max(...columns.map((column) => column.length));
  const rows = [columns.map((_, hart) => `P${hart}`)];
  for (let row = 0; row < length; row++) rows.push(columns.map((column) => column[row] ?? ''));
  const addresses = harts.map((_, hart) => `${hart}:x6=x; ${hart}:x7=y; ${hart}:x8=z;`).join('\n');
  const ones = harts.map((_, hart) => `${hart}:x1=1; ${hart}:x2=2;`).join('\n');
  const text = rows.map((row) => `${row.join('|')};`).join('\n');
  const test = parseLitmus(`RISCV test\n{\n${addresses}\n${ones}\n}\n${text}\n${condition}\n`);
  return runLitmus(test, riscv).observation !== 'Never';
}

function allowed(harts: readonly string[], condition: string): void {
  assert.ok(observe(harts, condition), `${harts.join(' ∥ ')} ${condition}`);
}

function forbidden(harts: readonly string[], condition: string): void {
  assert.ok(!observe(harts, condition), `${harts.join(' ∥ ')} ${condition}`);
}

/** Message passing: the writer is in order, the reader does `read`. */
const writer = 'sw x1,(x6); fence w,w; sw x1,(x7)';
const MP = 'exists (1:x10=1 /\\ 1:x11=0)';
const LB = 'exists (0:x10=1 /\\ 1:x10=1)';
const SB = 'exists (0:x10=0 /\\ 1:x10=0)';

describe('riscv: overlapping addresses', () => {
  it('1: a store stays behind earlier accesses to its location', () => {
    forbidden(['sw x1,(x6); sw x2,(x6)'], 'exists (x=1)');
    forbidden(['lw x10,(x6); sw x1,(x6)'], 'exists (0:x10=1)');
  });

  it('2: loads of one location do not go back', () => {
    forbidden(['sw x1,(x6)', 'lw x10,(x6); lw x11,(x6)'], 'exists (1:x10=1 /\\ 1:x11=0)');
  });

  it('2: loads of the same write order nothing', () => {
    const first = 'lw x10,(x7); xor x12,x10,x10; add x12,x12,x8; lw x13,(x12)';
    const last = 'xor x15,x14,x14; add x15,x15,x6; lw x11,(x15)';
    forbidden([writer, `${first}; lw x14,(x12); ${last}`], MP);
    allowed([writer, `${first}; lw x14,(x8); ${last}`], MP);
  });

  it('3: what an AMO or sc stored is loaded by its own hart only when others may see it', () => {
    const reader = (store: string): string => `lw x10,(x7); ${store}; lw x12,(x8); `;
    const after = 'xor x13,x12,x12; add x13,x13,x6; lw x11,(x13)';
    forbidden([writer, reader('amoswap.w x0,x10,(x8)') + after], MP);
    const pair = reader('lr.w x14,(x8); sc.w x15,x10,(x8)') + after;
    forbidden([writer, pair], 'exists (1:x10=1 /\\ 1:x11=0 /\\ 1:x15=0)');
  });
});

describe('riscv: explicit synchronisation', () => {
  it('4: a fence orders the accesses that it names', () => {
    forbidden([writer, 'lw x10,(x7); fence r,r; lw x11,(x6)'], MP);
    allowed([writer, 'lw x10,(x7); fence w,rw; lw x11,(x6)'], MP);
    const load = (fence: string): string[] => [
      `lw x10,(x6); ${fence}; sw x1,(x7)`,
      `lw x10,(x7); ${fence}; sw x1,(x6)`,
    ];
    for (const fence of ['r,w', 'r,rw', 'rw,w', 'rw,rw']) forbidden(load(`fence ${fence}`), LB);
    for (const fence of ['r,r', 'w,w', 'w,rw', 'rw,r']) allowed(load(`fence ${fence}`), LB);
    forbidden(load('fence.tso'), LB);
  });

  it('5 and 6: acquire and release order one side', () => {
    forbidden([writer, 'lw.aq x10,(x7); lw x11,(x6)'], MP);
    allowed([writer, 'amoor.w.rl x10,x0,(x7); lw x11,(x6)'], MP);
    const reader = 'lw x10,(x7); fence r,r; lw x11,(x6)';
    forbidden(['sw x1,(x6); amoswap.w.rl x0,x1,(x7)', reader], MP);
    allowed(['sw x1,(x6); amoswap.w.aq x0,x1,(x7)', reader], MP);
  });

  it('7: an acquire stays behind an earlier release when both are RCsc', () => {
    const both = (store: string, load: string): string[] => [
      `${store},(x6); ${load},(x7)`,
      `${store},(x7); ${load},(x6)`,
    ];
    forbidden(both('amoswap.w.rl x0,x1', 'amoor.w.aq x10,x0'), SB);
    forbidden(both('amoswap.w.rl x0,x1', 'lr.w.aq x10'), SB);
    allowed(both('amoswap.w.rl x0,x1', 'lw x10'), SB);
    allowed(both('sw.rl x1', 'lw.aq x10'), SB);
  });

  it('8: lr stays before the sc that it is paired with', () => {
    const hart = 'lr.w x10,(x6); sc.w x11,x1,(x6)';
    forbidden([hart], 'exists (0:x10=1 /\\ 0:x11=0)');
  });
});

describe('riscv: dependencies', () => {
  it('9: by the address, of loads too', () => {
    forbidden([writer, 'lw x10,(x7); xor x12,x10,x10; add x12,x12,x6; lw x11,(x12)'], MP);
  });

  it('10: by the value of a store, which need not change', () => {
    const other = 'lw x10,(x7); fence r,w; sw x1,(x6)';
    forbidden(['lw x10,(x6); sw x10,(x7)', other], LB);
    forbidden(['lw x10,(x6); xor x11,x10,x10; ori x11,x11,1; sw x11,(x7)', other], LB);
    allowed(['lw x10,(x6); xor x11,x10,x10; sw x1,(x7)', other], LB);
  });

  it('11: by a branch, of stores only', () => {
    const hart = (from: string, to: string): string =>
      `lw x10,(${from}); bnez x10,L; L: sw x1,(${to})`;
    forbidden([hart('x6', 'x7'), hart('x7', 'x6')], LB);
    allowed([writer, 'lw x10,(x7); bnez x10,L; L: lw x11,(x6)'], MP);
  });

  it('a failed sc depends on nothing, one that succeeds is depended on', () => {
    const hart = 'lw x10,(x7); lr.w x12,(x8); sc.w x13,x10,(x8); xor x14,x13,x13; ';
    const rest = 'add x14,x14,x6; lw x11,(x14)';
    forbidden([writer, hart + rest], 'exists (1:x10=1 /\\ 1:x11=0 /\\ 1:x13=0)');
    allowed([writer, hart + rest], 'exists (1:x10=1 /\\ 1:x11=0 /\\ 1:x13=1)');
  });
});

describe('riscv: pipelines', () => {
  const load = '; lw x13,(x8); xor x14,x13,x13; add x14,x14,x6; lw x11,(x14)';

  it('12: a load of a store waits for what the store was computed from', () => {
    forbidden([writer, `lw x10,(x7); sw x10,(x8)${load}`], MP);
    allowed([writer, `lw x10,(x7); sw x1,(x8)${load}`], MP);
  });

  it('13: a store waits for the addresses of what is before it', () => {
    const hart = (from: string, to: string): string =>
      `lw x10,(${from}); xor x11,x10,x10; add x11,x11,x8; lw x12,(x11); sw x1,(${to})`;
    forbidden([hart('x6', 'x7'), hart('x7', 'x6')], LB);
  });
});

describe('riscv: axioms', () => {
  it('atomicity: no store of another hart comes between lr and sc, or into an AMO', () => {
    const count = 'lr.w x10,(x6); addi x11,x10,1; sc.w x12,x11,(x6)';
    forbidden([count, count], 'exists (x=1 /\\ 0:x12=0 /\\ 1:x12=0)');
    forbidden(['amoadd.w x0,x1,(x6)', 'amoadd.w x0,x1,(x6)'], 'exists (x=1)');
    allowed(['lr.w x10,(x6); sw x2,(x6); sc.w x11,x1,(x6)'], 'exists (0:x11=0)');
  });

  it('an AMO is one operation: what waits for its read waits for its write', () => {
    const hart = (to: string, from: string): string =>
      `amoswap.w.aq x12,x1,(${to}); lw x10,(${from})`;
    forbidden([hart('x6', 'x7'), hart('x7', 'x6')], SB);
  });
});
