/** Traces of a gateway's messages, through the OpenTelemetry API. */
export type { OpenTelemetryApi } from './api.ts';
export { openTelemetry } from './open-telemetry.ts';
export type { OpenTelemetryOptions } from './options.ts';
