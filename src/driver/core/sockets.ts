/** Listening sockets by the addon's calls, for the drivers that own their descriptors. */
import { lstatSync, unlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { Errno, SystemError } from '../../base/index.ts';
import type { Native } from '../../native/index.ts';
import type { Handle, ListenOptions, SocketAddress } from '../driver.ts';
import { ADDRESS_BYTES, checkAddress, decodeAddress, encodeAddress, Family } from './address.ts';
import type { BaseDriver } from './base-driver.ts';
import { LISTENERS_MAX } from './driver-tables.ts';
import { HandleKind } from './handles.ts';
import { refuseTls, resolveListenOptions } from './limits.ts';
import { socketOptionCalls, type ResolvedSocketOptions } from './socket-options.ts';

/** socket(7) */
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;

/**
 * Creates, binds and listens; the new handle's `fd` column holds the descriptor. The options of
 * connections are set here because accepted ones inherit them on Linux.
 */
export function listenSocket(
  driver: BaseDriver,
  native: Native,
  address: SocketAddress,
  options: ListenOptions,
): Handle {
  const resolved = resolveListenOptions(options);
  const { backlog, reusePort, tls } = resolved;
  if (tls) refuseTls(driver.kind);
  const family = checkAddress(address);
  const fd = check('socket', native.socketCreate(family), address);
  const full = driver.handles.count[HandleKind.LISTENER]! >= LISTENERS_MAX;
  const slot = full ? -1 : driver.handles.allocate(HandleKind.LISTENER);
  const path = 'path' in address ? resolve(address.path) : undefined;
  let bound = false;
  try {
    if (slot === -1) throw new SystemError('listen', Errno.EMFILE, 'too many listeners');
    if (family !== Family.UNIX) {
      check('setsockopt', native.socketSetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1), address);
      if (reusePort) {
        check('setsockopt', native.socketSetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1), address);
      }
    }
    setOptions(native, fd, resolved, family);
    const memory = driver.pool.scratch;
    const length = encodeAddress(driver.arena.bytes, memory, address);
    let result = native.socketBind(fd, memory, length);
    if (
      result === -Errno.EADDRINUSE &&
      path !== undefined &&
      removeStale(driver, native, address, path)
    ) {
      encodeAddress(driver.arena.bytes, memory, address);
      result = native.socketBind(fd, memory, length);
    }
    check('bind', result, address);
    bound = true;
    check('listen', native.socketListen(fd, backlog), address);
  } catch (error) {
    if (path !== undefined && bound) unlink(path);
    native.closeDescriptor(fd);
    if (slot !== -1) driver.handles.free(slot, true);
    throw error;
  }
  driver.handles.fd[slot] = fd;
  if (path !== undefined) driver.socketPaths.set(slot, path);
  return driver.handles.handle(slot);
}

/** What the system does not take of these is as it would be without. */
export function setOptions(
  native: Native,
  fd: number,
  options: ResolvedSocketOptions,
  family: number,
): void {
  for (const { level, name, value } of socketOptionCalls(options, family !== Family.UNIX)) {
    native.socketSetOption(fd, level, name, value);
  }
}

/** Where a listener is bound. @throws {SystemError} ERR_SYSTEM (EBADF) for a handle that is none */
export function socketAddress(driver: BaseDriver, native: Native, listener: Handle): SocketAddress {
  const slot = driver.handles.findOpen(listener, HandleKind.LISTENER);
  if (slot === -1) throw new SystemError('getsockname', Errno.EBADF);
  const memory = driver.pool.scratch;
  const length = native.socketAddress(driver.handles.fd[slot]!, memory, ADDRESS_BYTES);
  if (length < 0) throw new SystemError('getsockname', -length);
  return decodeAddress(driver.arena.bytes, memory, length);
}

/**
 * A socket whose server was killed stays behind and refuses connections: nobody can use it, and it
 * would keep its successor from starting. Anything but such a socket is left alone.
 */
function removeStale(
  driver: BaseDriver,
  native: Native,
  address: SocketAddress,
  path: string,
): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return false;
  const fd = native.socketCreate(Family.UNIX);
  if (fd < 0) return false;
  const memory = driver.pool.scratch;
  const length = encodeAddress(driver.arena.bytes, memory, address);
  const result = native.socketConnect(fd, memory, length);
  native.closeDescriptor(fd);
  if (result !== -Errno.ECONNREFUSED) return false;
  unlink(path);
  return true;
}

/** Closes a listener's descriptor and removes the path that it made. */
export function closeListener(driver: BaseDriver, native: Native, slot: number): void {
  native.closeDescriptor(driver.handles.fd[slot]!);
  const path = driver.socketPaths.get(slot);
  if (path === undefined) return;
  driver.socketPaths.delete(slot);
  unlink(path);
}

function unlink(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody removed it before us.
  }
}

function check(syscall: string, result: number, address: SocketAddress): number {
  if (result >= 0) return result;
  const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
  throw new SystemError(syscall, -result, where);
}
