/** Node's errors as the contract wants them: negative Linux errno values, whatever the platform. */
import { Errno } from '../../base/index.ts';

const numbers: ReadonlyMap<string, number> = new Map(Object.entries(Errno));

/** Codes of Node's and libuv's own that have no errno of their name. */
const own: ReadonlyMap<string, number> = new Map([
  ['ENOTSUP', Errno.EOPNOTSUPP],
  ['ECHARSET', Errno.EINVAL],
  ['EOF', Errno.ECONNRESET],
  ['ERR_SOCKET_CLOSED', Errno.EPIPE],
  ['ERR_SOCKET_CLOSED_BEFORE_CONNECTION', Errno.ECONNABORTED],
  ['ERR_STREAM_DESTROYED', Errno.EPIPE],
  ['ERR_STREAM_WRITE_AFTER_END', Errno.EPIPE],
  ['ERR_STREAM_PREMATURE_CLOSE', Errno.ECONNRESET],
]);

/** The negative errno of an error that Node gave; -EIO where it cannot be told. */
export function errnoOf(error: unknown): number {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string') return -Errno.EIO;
  // What goes wrong inside TLS is an error of the protocol, whichever OpenSSL's name for it is.
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return -Errno.EPROTO;
  return -(numbers.get(code) ?? own.get(code) ?? Errno.EIO);
}
