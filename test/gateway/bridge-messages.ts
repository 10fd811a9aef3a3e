/** What a gateway under test and its engines say to each other. */
import { safe, slab, struct, u32, u64, type StructType } from '../../src/memory/index.ts';
import type { Channel, ServerSide } from '../../src/ring/index.ts';

/** A request, and a response: whose it is, a number, and bytes. */
export interface Note {
  client: number;
  number: number;
  payload: Uint8Array;
}

/** From a client. */
const Ask: StructType<Note, 'payload'> = struct('test.Ask', {
  client: safe(u64),
  number: u32,
  payload: slab('bytes'),
});

/** To a client. */
const Answer: StructType<Note, 'payload'> = struct('test.Answer', {
  client: safe(u64),
  number: u32,
  payload: slab('bytes'),
});

/** The structs of a channel under test. */
export const MESSAGES: {
  readonly request: StructType<Note, 'payload'>;
  readonly response: StructType<Note, 'payload'>;
} = { request: Ask, response: Answer };

export type TestChannel = Channel<Note, Note, 'payload', 'payload'>;
export type TestServer = ServerSide<Note, Note, 'payload', 'payload'>;
