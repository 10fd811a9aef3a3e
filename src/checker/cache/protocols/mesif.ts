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
 * MESI with forward: of the caches that share a line, the one that read it last sends it to the
 * next. When that one has dropped it, memory answers, and the reader forwards from then on.
 */
export const MESIF: Protocol = {
  name: 'MESIF',
  source: 'Goodman and Hum, MESIF: A Two-Hop Cache Coherency Protocol, 2009',
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
    F: {
      read: hit('F'),
      write: ask('BusUpgr', 'M'),
      evict: drop,
      BusRd: supply('clean', 'S'),
      BusRdX: supply('clean', 'I'),
      BusUpgr: invalidate,
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
      read: ask('BusRd', { alone: 'E', shared: 'F' }),
      write: ask('BusRdX', 'M'),
      evict: undefined,
      BusRd: keep('I'),
      BusRdX: keep('I'),
      BusUpgr: keep('I'),
    },
  },
};
