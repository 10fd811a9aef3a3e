export {
  Channel,
  type ChannelMessages,
  type ChannelOptions,
  type ClientSide,
  type ServerSide,
  type SideOptions,
} from './channel.ts';
export { Consumer } from './consumer.ts';
export type { DirectoryListing, NameInfo, HolderInfo, Removal } from './directory/directory.ts';
export {
  cleanRings,
  type CleanOptions,
  type DirectoryOptions,
  listRings,
  RingObserver,
} from './directory/observer.ts';
export { type RingShape, type Topology, TOPOLOGIES } from './layout.ts';
export type { PlaceOptions, SharedRings } from './mapping.ts';
export type { ConsumerOptions, ProducerOptions, RingOptions, WaitOptions } from './options.ts';
export { Producer, type PushResult } from './producer.ts';
export { Record } from './record.ts';
export { Ring, type CreateOptions, type OpenOptions, type RingPeers } from './ring.ts';
export type { ParticipantInfo } from './segment/membership.ts';
export type { SegmentInfo } from './segment/segment.ts';
export type { CursorSnapshot, LaneSnapshot, LaneStats, RingSnapshot } from './segment/snapshot.ts';
export type { RingTail, SeenMessage } from './segment/tail.ts';
export type { ConsumerStats, RingStats } from './stats.ts';
