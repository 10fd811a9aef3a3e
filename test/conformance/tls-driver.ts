/** The portable driver with TLS on all that it listens to and connects to. */
import { connect as connectTls } from 'node:tls';
import { connect } from 'node:net';
import type { Handle, ListenOptions, SocketAddress } from '../../src/driver/index.ts';
import { PortableDriver, type OpeningSocket } from '../../src/driver/portable/portable-driver.ts';
import { localhost } from '../fixtures/tls/index.ts';

export class TlsDriver extends PortableDriver {
  override listen(address: SocketAddress, options: ListenOptions = {}): Handle {
    return super.listen(address, { ...options, tls: localhost });
  }

  protected override openSocket(address: SocketAddress): OpeningSocket {
    const raw =
      'path' in address
        ? connect({ path: address.path, allowHalfOpen: true })
        : connect({ ...address, allowHalfOpen: true, noDelay: true });
    raw.on('error', () => undefined);
    const socket = connectTls({ socket: raw, servername: 'localhost', ca: localhost.cert });
    socket.pause();
    return { socket, raw, ready: 'secureConnect' };
  }
}
