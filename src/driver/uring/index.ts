export { createUringDriver, type UringOptions } from './uring-driver.ts';
export { uringStatus } from './status.ts';
