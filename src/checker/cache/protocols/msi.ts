import { ask, drop, flush, hit, invalidate, keep, type Protocol, writeBack } from '../protocol.ts';

/**
 * Modified, shared, invalid: a line is written by one or read by many. A core that reads first and
 * writes then asks twice, even when nobody else has the line.
 */
export const MSI: Protocol = {
  name: 'MSI',
  source: 'Culler, Singh and Gupta, Parallel Computer Architecture, 1999, section 5.3.1',
  rows: {
    M: {
      read: hit('M'),
      write: hit('M'),
      evict: writeBack,
      BusRd: flush('S'),
      BusRdX: flush('I'),
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
      read: ask('BusRd', 'S'),
      write: ask('BusRdX', 'M'),
      evict: undefined,
      BusRd: keep('I'),
      BusRdX: keep('I'),
      BusUpgr: keep('I'),
    },
  },
};
