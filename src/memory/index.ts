/** @internal */
export { sanitizer } from '#sanitizer';
export {
  Arena,
  type ArenaOptions,
  type ArenaUsage,
  type PageReleaser,
  type RegionOptions,
} from './arena.ts';
export { Blocks, type BlocksOptions } from './blocks.ts';
export { BumpRegion, type BumpOptions } from './bump.ts';
export { Counters } from './counters.ts';
export { Lease, type Releaser, type TextOptions } from './lease.ts';
export { adoptArena, processArena } from './process.ts';
export { Region, type RegionInfo } from './region.ts';
export { Slab, type SlabOptions } from './slab.ts';
/** @internal */
export type { Sanitizer, Submission } from './sanitizer/contract.ts';
export type { ReportListener, ReportSite, ViewReport } from './sanitizer/contract.ts';
export * from './struct/index.ts';
export { onViewReport } from './view-reports.ts';
export type { WasmMemory } from './wasm.ts';
export { Segment, Window, type WindowOptions } from './window.ts';
