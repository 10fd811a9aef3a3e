import type { Driver, DriverOptions } from '../driver.ts';
import { PortableDriver } from './portable-driver.ts';

/** The driver over Node's `net` and `fs`; works wherever Node does. */
export function createPortableDriver(options: DriverOptions): Driver {
  return new PortableDriver(options);
}
