/**
 * Traces on one line, worked out by hand: the states of P0, P1 and P2 after each step, and what is
 * counted. An atomic bus; M and E copies come from their cache, S copies from memory.
 */
interface Tabled {
  readonly title: string;
  readonly operations: string;
  readonly expected: Readonly<
    Record<string, readonly [states: string, totals: Readonly<Record<string, number>>]>
  >;
}

/** See the head of this file. */
export const TABLED: readonly Tabled[] = [
  {
    title: 'all read, one writes, another reads',
    operations: 'P0R P1R P2R P1W P0R',
    expected: {
      MSI: ['SII SSI SSS IMI SSI', { c2c: 1, mem: 3, wb: 1, inv: 2 }],
      MESI: ['EII SSI SSS IMI SSI', { c2c: 2, mem: 2, wb: 1, inv: 2 }],
      MESIF: ['EII SFI SSF IMI FSI', { c2c: 3, mem: 1, wb: 1, inv: 2 }],
      MOESI: ['EII SSI SSS IMI SOI', { c2c: 2, mem: 2, wb: 0, inv: 2 }],
      MOESIF: ['EII FSI FSS IMI SOI', { c2c: 3, mem: 1, wb: 0, inv: 2 }],
    },
  },
  {
    title: 'one writes, another reads, again',
    operations: 'P0W P1R P0W P1R',
    expected: {
      MSI: ['MII SSI MII SSI', { wb: 2, busupgr: 1 }],
      MESI: ['MII SSI MII SSI', { wb: 2, busupgr: 1 }],
      MESIF: ['MII SFI MII SFI', { wb: 2, busupgr: 1 }],
      MOESI: ['MII OSI MII OSI', { wb: 0, busupgr: 1 }],
      MOESIF: ['MII OSI MII OSI', { wb: 0, busupgr: 1 }],
    },
  },
  {
    title: 'a line that moves from core to core',
    operations: 'P0R P0W P1R P1W P2R P2W',
    expected: {
      MSI: ['SII MII SSI IMI ISS IIM', { busupgr: 3, wb: 2 }],
      MESI: ['EII MII SSI IMI ISS IIM', { busupgr: 2, wb: 2 }],
      MESIF: ['EII MII SFI IMI ISF IIM', { busupgr: 2, wb: 2 }],
      MOESI: ['EII MII OSI IMI IOS IIM', { busupgr: 2, wb: 0 }],
    },
  },
  {
    title: 'two cores write by turns',
    operations: 'P0W P1W P0W P1W',
    expected: {
      MSI: ['MII IMI MII IMI', { busrdx: 4, inv: 3, wb: 3 }],
      MESI: ['MII IMI MII IMI', { busrdx: 4, inv: 3, wb: 3 }],
      MESIF: ['MII IMI MII IMI', { busrdx: 4, inv: 3, wb: 3 }],
      MOESI: ['MII IMI MII IMI', { busrdx: 4, inv: 3, wb: 0 }],
      MOESIF: ['MII IMI MII IMI', { busrdx: 4, inv: 3, wb: 0 }],
    },
  },
  {
    title: 'what one wrote and others read, it writes again',
    operations: 'P0W P1R P2R P0W',
    expected: {
      MESI: ['MII SSI SSS MII', { c2c: 1, mem: 2 }],
      MESIF: ['MII SFI SSF MII', { c2c: 2, mem: 1 }],
      MOESI: ['MII OSI OSS MII', { c2c: 2, mem: 1, busupgr: 1 }],
    },
  },
  {
    title: 'one of two readers drops the line',
    operations: 'P0R P1R P1X P2R',
    expected: {
      MESI: ['EII SSI SII SIS', { mem: 2 }],
      MESIF: ['EII SFI SII SIF', { mem: 2 }],
      MOESI: ['EII SSI SII SIS', { mem: 2 }],
    },
  },
  {
    title: 'the first reader drops the line',
    operations: 'P0R P1R P0X P2R P2X P1X P0R',
    expected: {
      MESIF: ['EII SFI IFI ISF ISI III EII', { c2c: 2, mem: 2, wb: 0 }],
      MOESIF: ['EII FSI ISI ISS ISI III EII', { c2c: 1, mem: 3, wb: 0 }],
    },
  },
  {
    title: 'a clean line that another core writes',
    operations: 'P0R P1W P2R P0W',
    expected: {
      MSI: ['SII IMI ISS MII', { busrdx: 2, c2c: 1, mem: 3, wb: 1, inv: 3 }],
      MESI: ['EII IMI ISS MII', { busrdx: 2, c2c: 2, mem: 2, wb: 1, inv: 3 }],
      MESIF: ['EII IMI ISF MII', { busrdx: 2, c2c: 3, mem: 1, wb: 1, inv: 3 }],
      MOESI: ['EII IMI IOS MII', { busrdx: 2, c2c: 3, mem: 1, wb: 0, inv: 3 }],
    },
  },
  {
    title: 'an owner that drops the line writes it back',
    operations: 'P0W P1R P0X P2R P1W P1X',
    expected: {
      MSI: ['MII SSI ISI ISS IMI III', { wb: 2, mem: 2 }],
      MOESI: ['MII OSI ISI ISS IMI III', { wb: 2, mem: 2 }],
      MOESIF: ['MII OSI ISI ISS IMI III', { wb: 2, mem: 2 }],
    },
  },
];
