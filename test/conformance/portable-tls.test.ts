import { test } from 'node:test';
import { realHarness } from './harness.ts';
import { reasonToSkip } from './real.ts';
import { tlsSuite } from './suite.ts';
import { TlsDriver } from './tls-driver.ts';

const reason = reasonToSkip('portable');
if (reason !== '') {
  test('driver portable over TLS', { skip: reason }, () => undefined);
} else {
  const harness = realHarness('portable over TLS', (options) => new TlsDriver(options), false);
  tlsSuite({ ...harness, tls: true });
}
