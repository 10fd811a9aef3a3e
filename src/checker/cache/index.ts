/** Coherence protocols of caches, simulated: what an access costs because of other cores. */
export {
  type Access as CacheAccess,
  type AccessKind as CacheAccessKind,
  type Named as CacheName,
  type Trace as CacheTrace,
} from './access.ts';
export { type Counters as CacheCounters, MISS_CAUSES, type MissCause } from './counters.ts';
export {
  type CacheEvent,
  eventText as cacheEventText,
  type Message as CacheMessage,
  messageText as cacheMessageText,
  type MessageType as CacheMessageType,
  type Place as CachePlace,
} from './events.ts';
export {
  type InterleaveOptions,
  type InterleavingsReport,
  simulateLitmus,
  simulateProgram,
  type Spread,
  type SpreadName,
} from './interleave/index.ts';
export type { Miss as CacheMiss } from './misses.ts';
export {
  type CacheOptions,
  DEFAULT_LATENCIES,
  type Latencies as CacheLatencies,
  type ResolvedCacheOptions,
} from './options.ts';
export {
  RING_KINDS,
  type RingKind,
  type RingPatternOptions,
  simulateRing,
} from './patterns/ring.ts';
export type {
  Fill as CacheFill,
  OwnCell as CacheOwnCell,
  Protocol as CacheProtocol,
  Row as CacheRow,
  SnoopCell as CacheSnoopCell,
  State as CacheState,
  Transaction as CacheTransaction,
} from './protocol.ts';
export { PROTOCOL_NAMES, type ProtocolName, PROTOCOLS } from './protocols/index.ts';
export {
  type CacheReport,
  type LineReport as CacheLineReport,
  type OffsetReport as CacheOffsetReport,
  simulateCache,
  type SiteReport as CacheSiteReport,
  type ThreadReport as CacheThreadReport,
} from './report.ts';
export {
  type PictureOptions as CachePictureOptions,
  pictureOf as cachePicture,
} from './report/picture.ts';
export { protocolText } from './report/table.ts';
export {
  type Compared as ComparedCaches,
  comparisonText as cacheComparisonText,
  interleavingsText,
  reportText as cacheReportText,
  type TextOptions as CacheTextOptions,
} from './report/text.ts';
export { CacheSimulator } from './simulator.ts';
export type { LineStep as CacheLineStep, Step as CacheStep } from './step.ts';
export type { Tally as CacheTally, Row as CacheTallyRow } from './tally.ts';
export { type CoreAccess, type CoreProgram, simulatePrograms, type TimedReport } from './timed.ts';
export {
  parseTrace as parseCacheTrace,
  type Source as CacheSource,
  traceText as cacheTraceText,
} from './trace/index.ts';
