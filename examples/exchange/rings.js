// The rings between gateway and engine. Whoever comes first makes them; they live as long as one
// of the two does.
import { Channel, Ring } from 'rondo/ring';
import { Command, MarketEvent, Report, RINGS } from './schema.js';

/** @param {{ name: string, directory?: string | undefined }} place */
export function openRings({ name, directory }) {
  const place = { label: 'gateway', ...(directory === undefined ? {} : { directory }) };
  const messages = { request: Command, response: Report };
  const channel = openOrCreate(
    () => Channel.open(messages, name, place),
    () => Channel.create(messages, { name, ...place, ...RINGS.channel }),
  );
  const market = openOrCreate(
    () => Ring.open(MarketEvent, `${name}.market`, place),
    () => Ring.create(MarketEvent, { name: `${name}.market`, ...place, ...RINGS.market }),
  );
  return { channel, market };
}

function openOrCreate(open, create) {
  try {
    return open();
  } catch (error) {
    if (error.code !== 'ERR_RING_NOT_FOUND') throw error;
  }
  try {
    return create();
  } catch (error) {
    // Somebody else was faster.
    if (error.code !== 'ERR_RING_EXISTS') throw error;
    return open();
  }
}
