/**
 * Sec-WebSocket-Extensions (RFC 6455 §9.1) and the negotiation of permessage-deflate
 * (RFC 7692 §7.1) in both roles.
 *
 * A server takes the first offer that it understands wholly, and asks of the client only what the
 * client has said that it can do. A client accepts exactly what it offered, and what RFC 7692 lets
 * a server add.
 */

/** One extension, offered or agreed on. Names are compared as they are. */
export interface Extension {
  readonly name: string;
  /** In order, names as often as they were given; a parameter without a value has undefined. */
  readonly params: readonly (readonly [name: string, value: string | undefined])[];
}

/** What was agreed on for a connection. */
export interface DeflateParameters {
  /** The server's messages do not refer back to earlier ones. */
  readonly serverNoContextTakeover: boolean;
  /** The client's messages do not refer back to earlier ones. */
  readonly clientNoContextTakeover: boolean;
  /** The server's messages refer back at most 2^bits bytes: 8 to 15. */
  readonly serverMaxWindowBits: number;
  /** The client's messages refer back at most 2^bits bytes: 8 to 15. */
  readonly clientMaxWindowBits: number;
}

/** What a side wants; a server demands it where it can, a client asks for it. */
export interface DeflateSettings {
  /** @default false */
  readonly serverNoContextTakeover?: boolean | undefined;
  /** @default false */
  readonly clientNoContextTakeover?: boolean | undefined;
  /** 8 to 15. @default 15 */
  readonly serverMaxWindowBits?: number | undefined;
  /**
   * 8 to 15. A server can ask it only of a client that has said that it can do it; browsers have.
   * @default 15
   */
  readonly clientMaxWindowBits?: number | undefined;
}

/** A server's answer to an offer. */
export interface DeflateAgreement {
  /** The value of Sec-WebSocket-Extensions in the answer. */
  readonly header: string;
  readonly parameters: DeflateParameters;
}

const NAME = 'permessage-deflate';
const SERVER_TAKEOVER = 'server_no_context_takeover';
const CLIENT_TAKEOVER = 'client_no_context_takeover';
const SERVER_BITS = 'server_max_window_bits';
const CLIENT_BITS = 'client_max_window_bits';
const MAX_BITS = 15;

/** 8 to 15 in decimal, without a leading zero (RFC 7692 §7.1.2). */
const WINDOW_BITS = /^(?:[89]|1[0-5])$/;

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
/** Spaces around separators, as HTTP lists have them. */
const SPACE = '[ \\t]*';
const TOKEN_AT = new RegExp(TOKEN, 'y');
const SEPARATOR_AT = new RegExp(`${SPACE}([;,=])${SPACE}`, 'y');
/** A quoted string whose value, without the backslashes, must be a token. */
const QUOTED_AT = /"((?:[^"\\]|\\[\t -~])*)"/y;
const WHOLE_TOKEN = new RegExp(`^${TOKEN}$`);
const EMPTY_ITEMS_AT = /[ \t]*(?:,[ \t]*)*/y;

/** Goes over a header from left to right. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** Takes what matches here; undefined when nothing does. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }

  /** Whether a separator follows; takes it if so. */
  skip(separator: string): boolean {
    const before = this.#at;
    if (this.take(SEPARATOR_AT)?.[1] === separator) return true;
    this.#at = before;
    return false;
  }

  token(): string | undefined {
    return this.take(TOKEN_AT)?.[0];
  }

  value(): string | undefined {
    const quoted = this.take(QUOTED_AT)?.[1];
    if (quoted === undefined) return this.token();
    const plain = quoted.replace(/\\(.)/g, '$1');
    return WHOLE_TOKEN.test(plain) ? plain : undefined;
  }
}

/**
 * The extensions that a header lists, in its order; undefined when it is malformed, for which a
 * server answers 400 and a client fails the connection (RFC 6455 §9.1). Repeated headers are joined
 * with a comma. Empty items are skipped, as in every list of HTTP, but an empty list is malformed.
 */
export function parseExtensions(header: string): Extension[] | undefined {
  const scanner = new Scanner(header);
  const extensions: Extension[] = [];
  do {
    scanner.take(EMPTY_ITEMS_AT);
    if (scanner.atEnd) break;
    const extension = parseExtension(scanner);
    if (extension === undefined) return undefined;
    extensions.push(extension);
    scanner.take(/[ \t]*/y);
  } while (scanner.skip(','));
  return scanner.atEnd && extensions.length > 0 ? extensions : undefined;
}

function parseExtension(scanner: Scanner): Extension | undefined {
  const name = scanner.token();
  if (name === undefined) return undefined;
  const params: [string, string | undefined][] = [];
  while (scanner.skip(';')) {
    const param = scanner.token();
    if (param === undefined) return undefined;
    const value = scanner.skip('=') ? scanner.value() : null;
    if (value === undefined) return undefined;
    params.push([param, value ?? undefined]);
  }
  return { name, params };
}

/** The parameters of one permessage-deflate as they stand; 0 bits: not given, -1: without value. */
interface Given {
  serverTakeover: boolean;
  clientTakeover: boolean;
  serverBits: number;
  clientBits: number;
}

/** Undefined for unknown or repeated parameters, and for values that cannot be. */
function readParams(extension: Extension): Given | undefined {
  const given = { serverTakeover: false, clientTakeover: false, serverBits: 0, clientBits: 0 };
  const seen = new Set<string>();
  for (const [name, value] of extension.params) {
    if (seen.has(name)) return undefined;
    seen.add(name);
    if (name === SERVER_TAKEOVER || name === CLIENT_TAKEOVER) {
      if (value !== undefined) return undefined;
      if (name === SERVER_TAKEOVER) given.serverTakeover = true;
      else given.clientTakeover = true;
    } else if (name === SERVER_BITS || name === CLIENT_BITS) {
      if (value === undefined ? name === SERVER_BITS : !WINDOW_BITS.test(value)) return undefined;
      const bits = value === undefined ? -1 : Number(value);
      if (name === SERVER_BITS) given.serverBits = bits;
      else given.clientBits = bits;
    } else {
      return undefined;
    }
  }
  return given;
}

/**
 * A server's choice among what a client offers: the first permessage-deflate that is in order, with
 * the smallest of what both sides say. Undefined when there is none; then the answer names no
 * extension.
 */
export function negotiateDeflate(
  offers: readonly Extension[],
  settings: DeflateSettings = {},
): DeflateAgreement | undefined {
  for (const offer of offers) {
    if (offer.name !== NAME) continue;
    const given = readParams(offer);
    if (given !== undefined) return agree(given, settings);
  }
  return undefined;
}

function agree(given: Given, settings: DeflateSettings): DeflateAgreement {
  const serverNoContextTakeover = given.serverTakeover || settings.serverNoContextTakeover === true;
  const clientNoContextTakeover = given.clientTakeover || settings.clientNoContextTakeover === true;
  const offeredServer = given.serverBits === 0 ? MAX_BITS : given.serverBits;
  const serverMaxWindowBits = Math.min(offeredServer, settings.serverMaxWindowBits ?? MAX_BITS);
  const offeredClient = given.clientBits <= 0 ? MAX_BITS : given.clientBits;
  // A client that did not offer it may not know it, and must not be asked (§7.1.2.2).
  const asked = given.clientBits === 0 ? MAX_BITS : (settings.clientMaxWindowBits ?? MAX_BITS);
  const clientMaxWindowBits = Math.min(offeredClient, asked);
  const named = [NAME];
  if (serverNoContextTakeover) named.push(SERVER_TAKEOVER);
  if (clientNoContextTakeover) named.push(CLIENT_TAKEOVER);
  if (given.serverBits !== 0 || serverMaxWindowBits < MAX_BITS) {
    named.push(`${SERVER_BITS}=${serverMaxWindowBits}`);
  }
  if (given.clientBits > 0 || clientMaxWindowBits < MAX_BITS) {
    named.push(`${CLIENT_BITS}=${clientMaxWindowBits}`);
  }
  return {
    header: named.join('; '),
    parameters: {
      serverNoContextTakeover,
      clientNoContextTakeover,
      serverMaxWindowBits,
      clientMaxWindowBits,
    },
  };
}

/** What a client offers: one permessage-deflate, always open to a smaller window of its own. */
export function deflateOffer(settings: DeflateSettings = {}): string {
  const { serverMaxWindowBits = MAX_BITS, clientMaxWindowBits = MAX_BITS } = settings;
  const named = [NAME];
  if (settings.serverNoContextTakeover === true) named.push(SERVER_TAKEOVER);
  if (settings.clientNoContextTakeover === true) named.push(CLIENT_TAKEOVER);
  if (serverMaxWindowBits < MAX_BITS) named.push(`${SERVER_BITS}=${serverMaxWindowBits}`);
  named.push(
    clientMaxWindowBits < MAX_BITS ? `${CLIENT_BITS}=${clientMaxWindowBits}` : CLIENT_BITS,
  );
  return named.join('; ');
}

/** What a server's answer means for a client that sent `deflateOffer(settings)`. */
export type DeflateAcceptance =
  | { readonly valid: true; readonly parameters: DeflateParameters | undefined }
  | { readonly valid: false; readonly reason: string };

/**
 * Checks the server's Sec-WebSocket-Extensions, undefined when it sent none: then, and only then,
 * `parameters` is undefined and nothing is compressed. What is not valid fails the connection. With
 * `settings` undefined nothing was offered.
 */
export function acceptDeflate(
  header: string | undefined,
  settings: DeflateSettings | undefined,
): DeflateAcceptance {
  if (header === undefined) return { valid: true, parameters: undefined };
  const extensions = parseExtensions(header);
  if (extensions === undefined) return refuse('The list of extensions is malformed');
  const [extension, second] = extensions;
  if (settings === undefined || second !== undefined || extension?.name !== NAME) {
    return refuse('The server chose an extension that was not offered');
  }
  const given = readParams(extension);
  if (given === undefined) return refuse('A parameter of permessage-deflate is not valid');
  const { serverMaxWindowBits = MAX_BITS, clientMaxWindowBits = MAX_BITS } = settings;
  if (given.clientBits < 0) return refuse(`${CLIENT_BITS} needs a value in an answer`);
  if (settings.serverNoContextTakeover === true && !given.serverTakeover) {
    return refuse(`The server does not agree to ${SERVER_TAKEOVER}`);
  }
  const serverBits = given.serverBits === 0 ? MAX_BITS : given.serverBits;
  if (serverBits > serverMaxWindowBits) {
    return refuse(`The server does not agree to ${SERVER_BITS}=${serverMaxWindowBits}`);
  }
  // Our own window is bounded by both sides: servers may answer more than the hint (§7.1.2.2).
  const clientBits = given.clientBits === 0 ? MAX_BITS : given.clientBits;
  return {
    valid: true,
    parameters: {
      serverNoContextTakeover: given.serverTakeover,
      clientNoContextTakeover: given.clientTakeover || settings.clientNoContextTakeover === true,
      serverMaxWindowBits: serverBits,
      clientMaxWindowBits: Math.min(clientBits, clientMaxWindowBits),
    },
  };
}

function refuse(reason: string): DeflateAcceptance {
  return { valid: false, reason };
}
