/** Marshalling, as users of sockets do it: arrays of messages to bytes, and back. */
import { deserialize, serialize } from 'node:v8';
import type { TickFields } from '../tick.ts';
import { peer } from './plan.ts';

/** One way to make bytes of messages. */
export interface Codec {
  readonly encode: (messages: readonly TickFields[]) => Uint8Array;
  readonly decode: (bytes: Buffer) => readonly TickFields[];
}

const json: Codec = {
  encode: (messages) => Buffer.from(JSON.stringify(messages)),
  decode: (bytes) => JSON.parse(bytes.toString()) as TickFields[],
};

/** Structured clone, as `child_process` and `v8` have it. */
const clone: Codec = {
  encode: (messages) => serialize(messages),
  decode: (bytes) => deserialize(bytes) as TickFields[],
};

function messagePack(): Codec {
  const { Packr } = peer('msgpackr') as {
    readonly Packr: new () => { pack(value: unknown): Buffer; unpack(bytes: Uint8Array): unknown };
  };
  const packr = new Packr();
  return {
    encode: (messages) => packr.pack(messages),
    decode: (bytes) => packr.unpack(bytes) as TickFields[],
  };
}

const PROTO = `
syntax = "proto3";
message Tick {
  double id = 1;
  double price = 2;
  uint32 quantity = 3;
  uint32 flags = 4;
  double time = 5;
}
message Ticks { repeated Tick ticks = 1; }
`;

interface ProtobufType {
  encode(message: unknown): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
}

/** `id` is a double: a 64-bit integer would come as an object of a class of its own. */
function protobuf(): Codec {
  const { parse } = peer('protobufjs') as {
    readonly parse: (text: string) => { root: { lookupType(name: string): ProtobufType } };
  };
  const type = parse(PROTO).root.lookupType('Ticks');
  return {
    encode: (ticks) => type.encode({ ticks }).finish(),
    decode: (bytes) => (type.decode(bytes) as { ticks: TickFields[] }).ticks,
  };
}

/** By name; made when asked for, because a package may be missing. */
export const CODECS: Readonly<Record<string, () => Codec>> = {
  json: () => json,
  clone: () => clone,
  msgpackr: messagePack,
  protobufjs: protobuf,
};

/** @throws {RangeError} when there is none of this name */
export function codecOf(name: string): Codec {
  const make = CODECS[name];
  if (!make) throw new RangeError(`Cannot use codec ${name}: it does not exist`);
  return make();
}
