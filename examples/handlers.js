// Handlers for `rondo serve`: rooms in which everybody hears everybody, and who is in them.
//   npx rondo serve examples/handlers.js --watch
//   ws://127.0.0.1:9001/rooms/lobby?name=ann     http://127.0.0.1:9001/api/rooms/lobby
import { defineHandlers, refuse } from 'rondo/gateway';

/** Names by room. */
const rooms = new Map();

export default defineHandlers((gateway) => {
  gateway.websocket('/rooms/:room', {
    upgrade(request) {
      const name = request.query.get('name') ?? '';
      return /^\w{1,20}$/.test(name) ? { data: name } : refuse(400, 'A name is needed: ?name=ann');
    },
    open(connection) {
      const { room } = connection.params;
      rooms.set(room, [...(rooms.get(room) ?? []), connection.data]);
      connection.subscribe(`rooms/${room}`);
      gateway.publish(`rooms/${room}`, `${connection.data} is here`);
    },
    message(connection, message) {
      const { room } = connection.params;
      gateway.publish(`rooms/${room}`, `${connection.data}: ${message.text()}`);
    },
    close(connection) {
      const { room } = connection.params;
      const names = rooms.get(room).toSpliced(rooms.get(room).indexOf(connection.data), 1);
      if (names.length > 0) rooms.set(room, names);
      else rooms.delete(room);
      gateway.publish(`rooms/${room}`, `${connection.data} has left`);
    },
  });

  gateway.http('GET', '/api/rooms/:room', ({ params }) => ({ json: rooms.get(params.room) ?? [] }));
});
