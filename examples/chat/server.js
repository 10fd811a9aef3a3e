// A chat with rooms, log-in and presence: `node examples/chat/server.js`, then open the address.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createGateway, refuse } from 'rondo/gateway';

const PUBLIC = fileURLToPath(new URL('public', import.meta.url));
const NAME = /^[\p{L}\p{N} _-]{1,24}$/u;
const ROOM = /^[a-z0-9-]{1,24}$/;
const LINE_MAX = 1000;
/** Lines that who comes into a room is shown. */
const HISTORY = 50;

/** Makes the chat's gateway; options are those of `createGateway`. It does not listen yet. */
export function createChat(options = {}) {
  const gateway = createGateway({
    maxMessageSize: 16 * 1024,
    // A tab that hangs loses the oldest lines, not the connection.
    sendQueuePolicy: 'drop-oldest',
    limits: { connection: { messagesPerSecond: 10 }, address: { handshakesPerSecond: 50 } },
    metrics: true,
    ...options,
  });
  const tickets = new Tickets();
  const rooms = new Map();

  gateway.http('POST', '/login', async (request) => {
    const { name } = await request.json();
    if (typeof name !== 'string' || !NAME.test(name)) return refuse(400, 'This is no name');
    const cookie = `ticket=${tickets.issue(name)}; Path=/; HttpOnly; SameSite=Strict`;
    return { status: 204, headers: { 'Set-Cookie': cookie } };
  });

  gateway.http('GET', '/rooms', () => ({
    json: [...rooms.values()].map((room) => ({ name: room.name, people: room.names() })),
  }));

  gateway.websocket('/rooms/:room', {
    upgrade(request) {
      if (!ROOM.test(request.params.room)) return refuse(404, 'There is no such room');
      const name = tickets.check(request.cookie('ticket'));
      return name === undefined ? refuse(401, 'Log in first') : { data: { name } };
    },

    open(connection) {
      const room = roomOf(connection.params.room);
      for (const line of room.lines) connection.send(line);
      connection.subscribe(room.topic);
      if (room.enter(connection.data.name)) room.tell({ type: 'people', people: room.names() });
      else connection.send(JSON.stringify({ type: 'people', people: room.names() }));
    },

    message(connection, message) {
      const text = message.json()?.text; // What is no JSON closes with 1007.
      if (typeof text !== 'string' || text.trim() === '' || text.length > LINE_MAX) return;
      const room = roomOf(connection.params.room);
      const line = room.tell({ type: 'line', name: connection.data.name, text, at: Date.now() });
      room.lines.push(line);
      if (room.lines.length > HISTORY) room.lines.shift();
    },

    close(connection) {
      const room = roomOf(connection.params.room);
      if (room.leave(connection.data.name)) room.tell({ type: 'people', people: room.names() });
      if (room.people.size === 0) rooms.delete(room.name);
    },
  });

  gateway.files('/', PUBLIC);

  function roomOf(name) {
    if (!rooms.has(name)) rooms.set(name, new Room(gateway, name));
    return rooms.get(name);
  }

  return gateway;
}

/** A room lives as long as somebody is in it. */
class Room {
  /** How many tabs each of them has. */
  people = new Map();
  /** The last of what was said, as it was sent. */
  lines = [];

  constructor(gateway, name) {
    this.gateway = gateway;
    this.name = name;
    this.topic = `rooms/${name}`;
  }

  names() {
    return [...this.people.keys()].sort((a, b) => a.localeCompare(b));
  }

  /** True for the first tab of somebody. */
  enter(name) {
    this.people.set(name, (this.people.get(name) ?? 0) + 1);
    return this.people.get(name) === 1;
  }

  /** True for the last tab of somebody. */
  leave(name) {
    const tabs = this.people.get(name) - 1;
    if (tabs > 0) this.people.set(name, tabs);
    else this.people.delete(name);
    return tabs === 0;
  }

  tell(event) {
    const text = JSON.stringify(event);
    this.gateway.publish(this.topic, text);
    return text;
  }
}

/** Names that are signed, so that the browser can keep them and nobody can make them up. */
class Tickets {
  #key = randomBytes(32);

  issue(name) {
    const payload = Buffer.from(name).toString('base64url');
    return `${payload}.${this.#sign(payload)}`;
  }

  /** The name on a ticket, or undefined if it is not one of ours. */
  check(ticket = '') {
    const [payload, signature] = ticket.split('.');
    const expected = Buffer.from(this.#sign(payload));
    const given = Buffer.from(signature ?? '');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    return Buffer.from(payload, 'base64url').toString();
  }

  #sign(payload) {
    return createHmac('sha256', this.#key).update(payload).digest('base64url');
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const gateway = createChat({ host: '127.0.0.1', port: Number(process.argv[2] ?? 9001) });
  const { host, port } = await gateway.listen();
  console.log(`chat on http://${host}:${port}/`);
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      const { closed, reset } = await gateway.close({ spreadMs: 500 });
      console.log(`ended: ${closed} closed, ${reset} reset`);
    });
  }
}
