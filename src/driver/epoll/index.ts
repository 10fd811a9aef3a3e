import { errnoName } from '../../base/index.ts';
import { loadNative, nativeStatus } from '../../native/index.ts';
import type { Driver, DriverOptions } from '../driver.ts';
import { EpollDriver } from './epoll-driver.ts';

/** Why the epoll driver cannot be used here; undefined when it can. */
export function epollStatus(): string | undefined {
  const status = nativeStatus();
  if (!status.available) return `it needs the native addon: ${status.reason}`;
  const epoll = status.native.epollCreate();
  if (epoll < 0) return `epoll_create failed: ${errnoName(epoll)}`;
  status.native.closeDescriptor(epoll);
  return undefined;
}

/**
 * The driver on epoll.
 * @throws {RondoError} ERR_NATIVE_UNAVAILABLE
 * @throws {SystemError} ERR_SYSTEM
 */
export function createEpollDriver(options: DriverOptions): Driver {
  return new EpollDriver(options, loadNative());
}
