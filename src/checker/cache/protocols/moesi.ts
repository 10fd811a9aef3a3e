import { ask, drop, hit, invalidate, keep, type Protocol, supply, writeBack } from '../protocol.ts';

/**
 * MESI with owned: a line that was written is read by others without going to memory; its owner
 * sends it, and writes it back when it gives it up.
 */
export const MOESI: Protocol = {
  name: 'MOESI',
  source: 'Sweazey and Smith, A Class of Compatible Cache Consistency Protocols, ISCA 1986',
  rows: {
    M: {
      read: hit('M'),
      write: hit('M'),
      evict: writeBack,
      BusRd: supply('dirty', 'O'),
      BusRdX: supply('dirty', 'I'),
      BusUpgr: undefined,
    },
    O: {
      read: hit('O'),
      write: ask('BusUpgr', 'M'),
      evict: writeBack,
      BusRd: supply('dirty', 'O'),
      BusRdX: supply('dirty', 'I'),
      BusUpgr: invalidate,
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
