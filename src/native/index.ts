export { loadNative, nativeStatus } from './load.ts';
export type { Native } from './native.ts';
