/** The protocols by their names. */
import type { Protocol } from '../protocol.ts';
import { MESI } from './mesi.ts';
import { MESIF } from './mesif.ts';
import { MOESI } from './moesi.ts';
import { MOESIF } from './moesif.ts';
import { MSI } from './msi.ts';

/** The protocols that can be simulated. */
export const PROTOCOLS: {
  readonly MSI: Protocol;
  readonly MESI: Protocol;
  readonly MESIF: Protocol;
  readonly MOESI: Protocol;
  readonly MOESIF: Protocol;
} = { MSI, MESI, MESIF, MOESI, MOESIF };

/** A name of `PROTOCOLS`. */
export type ProtocolName = keyof typeof PROTOCOLS;

/** The names, the simplest first. */
export const PROTOCOL_NAMES: readonly ProtocolName[] = ['MSI', 'MESI', 'MESIF', 'MOESI', 'MOESIF'];
