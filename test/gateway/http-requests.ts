/** Requests as a good client makes them, for tests of HTTP; bad ones are written by `client.ts`. */
import { request, type Agent } from 'node:http';
import type { SocketAddress } from '../../src/driver/index.ts';

/** A response, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly text: string;
}

/** What is asked. */
export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly agent?: Agent;
}

/** Makes a request, on a connection of its own without an agent. */
export function ask(
  address: SocketAddress,
  path: string,
  question: Question = {},
): Promise<Answer> {
  if (!('port' in address)) throw new TypeError('these tests go over TCP');
  const { method = 'GET', headers = {}, body, agent } = question;
  return new Promise((resolve, reject) => {
    const { port } = address;
    const options = { host: '127.0.0.1', port, path, method, headers, agent: agent ?? false };
    const outgoing = request(options, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const whole = Buffer.concat(parts);
        const status = response.statusCode ?? 0;
        resolve({ status, headers: response.headers, body: whole, text: whole.toString() });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** The text of a request. */
export function requestText(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): string {
  const lines = Object.entries({ Host: 'test', ...headers });
  const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${method} ${path} HTTP/1.1\r\n${text}\r\n${body}`;
}

/** A promise and what settles it. */
export class Gate {
  readonly opened: Promise<void>;
  open: () => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve) => (this.open = resolve));
  }
}
