/**
 * Checked TLS options, with the keys and certificates read. Everything that OpenSSL refuses is
 * found here, so that a handshake later fails for the client's reasons alone.
 */
import { constants, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import {
  choiceOption,
  integerOption,
  misuse,
  rejectUnknown,
  RondoError,
} from '../../base/index.ts';
import type { Pem, TlsIdentity, TlsOptions } from '../driver.ts';

const KEYS = ['key', 'cert', 'ca', 'minVersion', 'names', 'handshakeTimeoutMs', 'handshakes'];

const VERSIONS: readonly ('TLSv1.2' | 'TLSv1.3')[] = ['TLSv1.2', 'TLSv1.3'];

/** A host name in ASCII, or one that begins with `*.`; lower case. RFC 1035 section 2.3.4 */
const NAME = /^(?=.{1,253}$)(\*\.)?([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/;

/** Checked TLS options of a listener. */
export interface TlsSettings {
  /** For clients that name nobody we know. */
  readonly context: SecureContextOptions;
  readonly handshakeTimeoutMs: number;
  readonly handshakes: number;
  /** The certificate for a name that a client asks for; undefined for the one of `context`. */
  find(name: string): SecureContext | undefined;
}

/**
 * @throws {TypeError | RangeError} ERR_OPTION_… for options that are wrong
 * @throws {RondoError} ERR_TLS_CERTIFICATE when a key or certificate cannot be used
 */
export function resolveTlsOptions(tls: TlsOptions): TlsSettings {
  if (typeof tls !== 'object' || tls === null) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use tls: it must be an object with key and cert');
  }
  rejectUnknown('tls', tls, KEYS);
  const common: SecureContextOptions = {
    minVersion: choiceOption('tls.minVersion', tls.minVersion, 'TLSv1.2', VERSIONS),
    honorCipherOrder: true,
    // TLS 1.2 lets a client ask for a new handshake at any time, which costs it less than us.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
  if (tls.ca !== undefined) common.ca = pem('tls.ca', tls.ca);
  const context = { ...common, ...identity('tls', tls) };
  read('tls', context);
  const exact = new Map<string, SecureContext>();
  for (const [name, own] of Object.entries(tls.names ?? {})) {
    const where = `tls.names[${JSON.stringify(name)}]`;
    const lower = name.toLowerCase();
    if (!NAME.test(lower)) {
      const rule = 'it must be a host name in ASCII, or *. and one';
      throw misuse('ERR_OPTION_TYPE', `Cannot use ${where}: ${rule}`);
    }
    if (typeof own === 'object' && own !== null) rejectUnknown(where, own, ['key', 'cert']);
    exact.set(lower, read(where, { ...common, ...identity(where, own) }));
  }
  return {
    context,
    handshakeTimeoutMs: integerOption(
      'tls.handshakeTimeoutMs',
      tls.handshakeTimeoutMs,
      10_000,
      10,
      120_000,
    ),
    handshakes: integerOption('tls.handshakes', tls.handshakes, 1024, 1, 65_535),
    find: (name) => {
      const lower = name.toLowerCase();
      return exact.get(lower) ?? exact.get(`*${lower.slice(lower.indexOf('.'))}`);
    },
  };
}

function identity(where: string, own: TlsIdentity): { key: Pems; cert: Pems } {
  return { key: pem(`${where}.key`, own?.key), cert: pem(`${where}.cert`, own?.cert) };
}

type Pems = (string | Buffer)[];

/** As Node's types want it. Copied: nobody can change it until it is read. */
function pem(where: string, value: Pem | readonly Pem[] | undefined): Pems {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const wrong = list.some((one) => typeof one !== 'string' && !(one instanceof Uint8Array));
  if (wrong || list.length === 0) {
    throw misuse('ERR_OPTION_TYPE', `Cannot use ${where}: it must be PEM, as text or bytes`);
  }
  return (list as Pem[]).map((one) => (typeof one === 'string' ? one : Buffer.from(one)));
}

function read(where: string, options: SecureContextOptions): SecureContext {
  try {
    // OpenSSL passes over issuers that it cannot read.
    ((options.ca as Pems | undefined) ?? []).forEach((issuer) => new X509Certificate(issuer));
    return createSecureContext(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RondoError(
      'ERR_TLS_CERTIFICATE',
      `Cannot use the key and certificate of ${where}: ${reason}`,
      { cause },
    );
  }
}
