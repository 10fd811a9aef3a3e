/** A real browser. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

/** Starts Chromium; close it at the end. */
export function launchBrowser(): Promise<Browser> {
  assert.ok(
    existsSync(executablePath),
    `there is no Chromium at ${executablePath}: install the package chromium (Debian's name), ` +
      'or name the program in CHROMIUM_PATH',
  );
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--headless',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
