import {
  ask,
  drop,
  flush,
  hit,
  invalidate,
  keep,
  type Protocol,
  supply,
  writeBack,
} from '../protocol.ts';

/**
 * MSI with exclusive: who reads a line that nobody else has may write it later without asking. An
 * exclusive or modified copy is sent by its cache, a shared one by memory.
 */
export const MESI: Protocol = {
  name: 'MESI',
  source: 'Papamarcos and Patel, A Low-Overhead Coherence Solution, ISCA 1984',
  rows: {
    M: {
      read: hit('M'),
      write: hit('M'),
      evict: writeBack,
      BusRd: flush('S'),
      BusRdX: flush('I'),
      BusUpgr: undefined,
    },
    E: {
      read: hit('E'),
      write: hit('M'),
      evict: drop,
      BusRd: supply('clean', 'S'),
      BusRdX: supply('clean', 'I'),
      BusUpgr: undefined,
    },
    S: {
      read: hit('S'),
      write: ask('BusUpgr', 'M'),
      evict: drop,
      BusRd: keep('S'),
      BusRdX: invalidate,
      BusUpgr: invalidate,
    },
    I: {
      read: ask('BusRd', { alone: 'E', shared: 'S' }),
      write: ask('BusRdX', 'M'),
      evict: undefined,
      BusRd: keep('I'),
      BusRdX: keep('I'),
      BusUpgr: keep('I'),
    },
  },
};
