export { loadNative, nativeStatus, type NativeStatus } from './load.ts';
export type { LoopCallback, Native } from './native.ts';
