export type { UringOptions } from './options.ts';
export { createUringDriver } from './uring-driver.ts';
export { uringStatus } from './status.ts';
