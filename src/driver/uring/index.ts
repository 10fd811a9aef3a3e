export { createUringDriver, type UringDriverOptions } from './uring-driver.ts';
export { uringStatus } from './status.ts';
