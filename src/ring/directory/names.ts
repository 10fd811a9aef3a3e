/** The names of a directory of rings (`spec/ring.md`, §12): made here, and read only as strictly. */
import { misuse } from '../../base/index.ts';
import type { Identity } from '../segment/identity.ts';

/** What the name of a holder file says. */
export interface HolderName {
  /** The segment: 32 hexadecimal digits. */
  readonly id: string;
  /** The process that has it open. */
  readonly identity: Identity;
  readonly descriptor: number;
}

/** What the name of a directory that is not finished says. */
export interface UnfinishedName {
  readonly pid: number;
  readonly startTime: bigint;
}

const RING_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,62}$/;
const HOLDER = /^([0-9a-f]{32})\.(\d{1,7})\.(\d{1,10})\.(\d{1,20})\.(\d{1,20})\.([0-9a-f]{32})$/;
const UNFINISHED = /^\.new\.(\d{1,7})\.(\d{1,20})\.[0-9A-Za-z]{1,32}$/;

/** Whether a ring may have the name. */
export function isRingName(name: string): boolean {
  return RING_NAME.test(name);
}

/** @throws {TypeError} ERR_RING_NAME when no ring may have the name */
export function checkRingName(name: string): void {
  if (typeof name === 'string' && isRingName(name)) return;
  throw misuse(
    'ERR_RING_NAME',
    `Cannot use ${JSON.stringify(name)} as the name of a ring: it must have 1 to 63 characters of ` +
      'A–Z, a–z, 0–9, ".", "_" and "-", and not begin with a dot',
  );
}

/** The name of a holder file. */
export function formatHolder({ id, identity, descriptor }: HolderName): string {
  const { pid, startTime, namespace, bootId } = identity;
  return [id, pid, descriptor, startTime, namespace, bootId].join('.');
}

/** What the name of a file says, or undefined when it is no holder file. */
export function parseHolder(file: string): HolderName | undefined {
  const parts = HOLDER.exec(file);
  if (parts === null) return undefined;
  const [, id = '', pid, descriptor, startTime = '', namespace = '', bootId = ''] = parts;
  const identity = {
    pid: Number(pid),
    tid: 0,
    startTime: BigInt(startTime),
    namespace: BigInt(namespace),
    bootId,
  };
  return { id, identity, descriptor: Number(descriptor) };
}

/** The name of a directory that is not finished; `random` is of letters and digits. */
export function formatUnfinished({ pid, startTime }: UnfinishedName, random: string): string {
  return `.new.${pid}.${startTime}.${random}`;
}

/** What the name of a directory that is not finished says, or undefined when it is none. */
export function parseUnfinished(file: string): UnfinishedName | undefined {
  const parts = UNFINISHED.exec(file);
  if (parts === null) return undefined;
  return { pid: Number(parts[1]), startTime: BigInt(parts[2]!) };
}
