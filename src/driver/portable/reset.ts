import type { Socket } from 'node:net';

/** Ends a socket by RST. Only TCP knows that; a Unix socket is closed, where Node would throw. */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
