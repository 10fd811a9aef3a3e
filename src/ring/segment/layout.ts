/**
 * Where everything lies in a segment: the tables of `spec/ring.md`, §2, §5 and §6, and nothing else
 * knows them. The header is written once by the creator; a participant's entry by the one that
 * joined; its state and the owner words by whoever wins a compare-and-swap.
 */
/** `RONDORNG`, as two little-endian words; the first is stored last. */
export const SEGMENT_MAGIC = [0x444e4f52, 0x474e524f] as const;
/** The version of the layout. */
export const SEGMENT_VERSION = 1;
/** Segments and ring blocks begin and end at multiples of this. */
export const SEGMENT_UNIT = 4096;

/** Offsets in the header. */
export const Header = {
  MAGIC: 0,
  VERSION: 8,
  BYTES: 12,
  ID: 16,
  RINGS: 32,
  KIND: 36,
  PARTICIPANTS: 40,
  CREATED: 48,
  NAME: 64,
  ENTRIES: 128,
  BYTES_TOTAL: 4096,
} as const;

/** Offsets in a ring's entry of the header. */
export const RingEntry = {
  OFFSET: 0,
  BYTES: 4,
  SCHEMA_OFFSET: 8,
  SCHEMA_BYTES: 12,
  FINGERPRINT: 16,
  SIZE: 64,
} as const;

/** What a segment is, as the number in memory. */
export const KINDS = { ring: 1, channel: 2 } as const;

/** What a segment is. */
export type SegmentKind = keyof typeof KINDS;

/** Rings of a segment of each kind. */
export const RINGS_OF: Readonly<Record<SegmentKind, number>> = { ring: 1, channel: 2 };

/** Limits of §2 and §3. */
export const SegmentLimit = {
  RINGS: 8,
  BYTES: 1_073_741_824,
  ID_BYTES: 16,
  /** Bytes of UTF-8; the field has one more. */
  NAME_BYTES: 63,
  SCHEMA_BYTES: 65_536,
  PARTICIPANTS: 64,
} as const;

/** Offset of the first participant. */
export const PARTICIPANTS = 4096;

/** Offset of the first schema text. */
export const SCHEMAS = 12_288;

/** Offsets in a participant's entry. */
export const Participant = {
  STATE: 0,
  PID: 4,
  TID: 8,
  LANGUAGE: 12,
  START: 16,
  NAMESPACE: 24,
  BOOT: 32,
  LABEL: 64,
  SIZE: 128,
  BOOT_BYTES: 16,
  LABEL_BYTES: 64,
} as const;

/** What bits 0 and 1 of a participant's state word say. */
export const ParticipantState = { FREE: 0, JOINING: 1, LIVE: 2 } as const;

/** Languages of participants; the index is the number in memory. */
export const LANGUAGES = ['unknown', 'TypeScript', 'Rust', 'Python', 'C'] as const;

/** The bit of an owner word that says that a consumer waits to be let in (§9). */
export const ASKING = 0x1_0000;

/** A participant's state word: `tid` is below 2²². */
export function stateWord(state: number, generation: number, tid: number): number {
  return state | ((generation & 0xff) << 2) | (tid << 10);
}

/** The state in a state word: one of `ParticipantState`, or 3, which nobody honest writes. */
export function stateOf(word: number): number {
  return word & 3;
}

/** The generation in a state word, 0 to 255. */
export function generationOf(word: number): number {
  return (word >>> 2) & 0xff;
}

/** The kernel thread id in a state word. */
export function threadOf(word: number): number {
  return word >>> 10;
}

/** The owner word of a participant. */
export function ownerWord(index: number, generation: number): number {
  return (index + 1) | (generation << 8);
}

/** Rounds up to a multiple of `unit`. */
export function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}
