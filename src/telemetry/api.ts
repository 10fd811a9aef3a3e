import type * as api from '@opentelemetry/api';
import { RondoError } from '../base/index.ts';

/** The package `@opentelemetry/api`. */
export type OpenTelemetryApi = typeof api;

/**
 * Loads the package, which only those install who want traces.
 * @throws {RondoError} ERR_TELEMETRY_UNAVAILABLE
 */
export async function loadApi(
  load: () => Promise<OpenTelemetryApi> = () => import('@opentelemetry/api'),
): Promise<OpenTelemetryApi> {
  try {
    return await load();
  } catch (cause) {
    throw new RondoError(
      'ERR_TELEMETRY_UNAVAILABLE',
      'Cannot trace messages: it needs the package @opentelemetry/api, which cannot be loaded; ' +
        'install it with: npm install @opentelemetry/api',
      { cause },
    );
  }
}
