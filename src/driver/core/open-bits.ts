/** The flags of open(2): their numbers differ between platforms, and Node knows them. */
import fs from 'node:fs';
import type { OpenFlags } from '../driver.ts';

/** What open(2) is given; -1 for what the platform does not have. */
export function openBits(flags: OpenFlags): number {
  const { O_APPEND, O_CREAT, O_DSYNC, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants;
  // Undefined off Linux, whatever the types say.
  const direct = fs.constants.O_DIRECT as number | undefined;
  const dataSync = O_DSYNC as number | undefined;
  if (flags.direct === true && direct === undefined) return -1;
  if (flags.dataSync === true && dataSync === undefined) return -1;
  let bits = O_RDONLY;
  if (flags.access === 'write') bits = O_WRONLY;
  if (flags.access === 'read-write') bits = O_RDWR;
  if (flags.create === true) bits |= O_CREAT;
  if (flags.exclusive === true) bits |= O_EXCL;
  if (flags.truncate === true) bits |= O_TRUNC;
  if (flags.append === true) bits |= O_APPEND;
  if (flags.direct === true) bits |= direct!;
  if (flags.dataSync === true) bits |= dataSync!;
  return bits;
}
