/** The page on which a person can try the gateway: one answer, nothing loaded from anywhere. */
import { createHash } from 'node:crypto';
import { ICON, MARKUP } from './markup.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** The page with its headers. */
export interface Page {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

let page: Page | undefined;

/** The page; put together at its first use. */
export function pageResponse(): Page {
  page ??= makePage();
  return page;
}

function makePage(): Page {
  return {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-cache',
      // The page's own script and style by their hashes, WebSockets to here, and nothing else.
      'Content-Security-Policy': [
        "default-src 'none'",
        `script-src '${hash(SCRIPT)}'`,
        `style-src '${hash(STYLE)}'`,
        'img-src data:',
        "connect-src 'self' ws: wss:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ].join('; '),
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    },
    body: MARKUP.replace('{icon}', () => encodeURIComponent(ICON))
      .replace('{style}', () => STYLE)
      .replace('{script}', () => SCRIPT),
  };
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
