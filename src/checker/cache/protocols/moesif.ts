import { ask, drop, hit, invalidate, keep, type Protocol, supply, writeBack } from '../protocol.ts';

/**
 * MOESI with forward: the first of those who share a clean line sends it, and goes on doing so (in
 * MESIF the last one does). Once it has dropped the line, memory answers.
 */
export const MOESIF: Protocol = {
  name: 'MOESIF',
  source: 'MOESI with the forward state of MESIF, as it is taught (Georgia Tech, CS 6290)',
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
      BusRd: supply('clean', 'F'),
      BusRdX: supply('clean', 'I'),
      BusUpgr: undefined,
    },
    F: {
      read: hit('F'),
      write: ask('BusUpgr', 'M'),
      evict: drop,
      BusRd: supply('clean', 'F'),
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
      read: ask('BusRd', { alone: 'E', shared: 'S' }),
      write: ask('BusRdX', 'M'),
      evict: undefined,
      BusRd: keep('I'),
      BusRdX: keep('I'),
      BusUpgr: keep('I'),
    },
  },
};
