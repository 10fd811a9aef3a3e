/** A bridge without clients, of whose engine a test makes every step. */
import { createGateway, type Bridge, type BridgeOptions } from '../../src/gateway/index.ts';
import type { BridgeHandlers, Gateway } from '../../src/gateway/index.ts';
import { Channel, type ChannelOptions } from '../../src/ring/index.ts';
import { MESSAGES, type Note, type TestChannel, type TestServer } from './bridge-messages.ts';
import { until } from './fixture.ts';

export type TestBridge = Bridge<Note, Note, 'payload', 'payload'>;

/** What happens is noted here, in order: `up`, why it went down, and numbers of responses. */
export interface Alone {
  readonly said: (string | number)[];
  readonly errors: { readonly code?: string }[];
  readonly channel: TestChannel;
  readonly gateway: Gateway;
  readonly bridge: TestBridge;
  readonly engine: TestServer;
}

/** How it is made. */
export interface AloneOptions {
  readonly channel?: ChannelOptions;
  readonly bridge?: BridgeOptions;
  readonly handlers?: Partial<BridgeHandlers<Note, 'payload'>>;
}

/** A message with a number, and bytes of a length. */
export const note = (number: number, length: number = 0): Note => ({
  client: 0,
  number,
  payload: new Uint8Array(length),
});

/** Runs a test with a bridge whose engine is there; closes all at the end. */
export async function alone(
  options: AloneOptions,
  test: (parts: Alone) => Promise<void>,
): Promise<void> {
  const said: (string | number)[] = [];
  const errors: { readonly code?: string }[] = [];
  const channel = Channel.create(MESSAGES, options.channel);
  const engine = channel.server();
  const gateway = createGateway({ port: 0 });
  const bridge = gateway.bridge(
    channel,
    {
      response: ({ number }) => void said.push(number),
      up: () => void said.push('up'),
      down: (reason) => void said.push(reason),
      error: (error) => void errors.push(error as { code?: string }),
      ...options.handlers,
    },
    options.bridge,
  );
  try {
    await until(() => bridge.state === 'up', 'the engine is seen');
    await test({ said, errors, channel, gateway, bridge, engine });
  } finally {
    await gateway.close();
    channel.close();
  }
}
