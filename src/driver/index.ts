export {
  createDriver,
  driverStatuses,
  type CreateDriverOptions,
  type DriverStatus,
  type RealDriverKind,
} from './choose.ts';
export {
  CompletionFlag,
  STAT_BYTES,
  VECTOR_ENTRY_BYTES,
  VECTOR_MAX,
  type CloseMode,
  type CompletionHandler,
  type Driver,
  type DriverCounters,
  type DriverKind,
  type DriverLimits,
  type DriverOptions,
  type DriverUsage,
  type Handle,
  type ListenOptions,
  type OpenFlags,
  type OperationId,
  type Pem,
  type SocketAddress,
  type SocketOptions,
  type TlsIdentity,
  type TlsOptions,
  type Waker,
} from './driver.ts';
export {
  simulate,
  type SimulatedDriver,
  type SimulatedFaults,
  type SimulatedPaths,
  type SimulatedStat,
  type SimulationOptions,
} from './simulated/index.ts';
export type { UringOptions } from './uring/index.ts';
export { wakeDriver } from './wake.ts';
