/** What a serving process does when a signal comes, and when something fails in it. */
import { constants } from 'node:os';
import type { Gateway } from '../gateway/index.ts';
import { codeOf, describeUncaught, isExpected, withoutOwnFrames } from './faults.ts';
import type { Link } from './link.ts';
import type { Log } from './log.ts';

/** Drains at the first SIGINT or SIGTERM, or when the parent says so; a second ends at once. */
export function endOnSignal(gateway: Gateway, log: Log, link: Link | undefined): void {
  let asked = false;
  const end = (signal: string): void => {
    if (asked) return;
    asked = true;
    const { connections } = gateway.usage();
    const again = link === undefined ? '; a second signal ends at once' : '';
    log.info('draining', `${signal}: closing ${connections} connections${again}`, {
      signal,
      connections,
    });
    gateway.close().then(
      (report) => {
        const { closed, reset, remaining } = report;
        const late = remaining.map(
          ({ id, remoteAddress, path, state }) => `\n  ${id} ${remoteAddress} ${path} ${state}`,
        );
        const message = `ended: ${closed} closed, ${reset} reset${late.join('')}`;
        log.info('ended', message, { ...report });
        process.exit(process.exitCode ?? 0);
      },
      (error: unknown) => {
        log.error('failed', describeUncaught(error));
        process.exit(1);
      },
    );
  };
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (asked && link === undefined) process.exit(128 + constants.signals[signal]);
    end(signal);
  };
  process.on('SIGTERM', onSignal);
  if (link === undefined) process.on('SIGINT', onSignal);
  else link.onStop(end);
}

/** Logs what the gateway holds and has counted, at SIGUSR2. */
export function logUsageOnSignal(gateway: Gateway, log: Log): void {
  if (process.platform === 'win32') return;
  process.on('SIGUSR2', () => {
    const usage = gateway.usage();
    const counters = gateway.counters();
    const { messagesReceived, messagesSent } = counters;
    log.info(
      'usage',
      `${usage.connections} connections, ${usage.memoryBytes} bytes held, ` +
        `${messagesReceived} messages received, ${messagesSent} sent`,
      { usage, counters },
    );
  });
}

/** Does something at SIGHUP, and logs how it went. */
export function onHangup(log: Log, renew: () => Promise<void>): void {
  if (process.platform === 'win32') return;
  process.on('SIGHUP', () => {
    renew().then(
      () => log.info('renewed', 'new connections get the certificates as they are now'),
      (error: unknown) => {
        const message = isExpected(error) ? error.message : describeUncaught(error);
        log.error('renewal', `the certificates stay as they were: ${message}`, {
          code: codeOf(error),
        });
      },
    );
  });
}

/** Logs warnings, of handlers that fail for example, and what ends the process. */
export function logFailures(log: Log): void {
  // In place of Node's own way to print them.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    const code = codeOf(warning) ?? warning.name;
    // That TypeScript is run is known here.
    if (warning.name === 'ExperimentalWarning' && /strip/i.test(warning.message)) return;
    const message = withoutOwnFrames(warning.message);
    if (code === 'RONDO_HANDLER') log.error('handler', message, { code });
    else log.warn('warning', message, { code });
  });
  process.on('uncaughtException', (error) => {
    log.error('uncaught', describeUncaught(error), { code: codeOf(error) });
    process.exit(1);
  });
}
