import { inspect } from 'node:util';
import type { Context, Span, TextMapGetter, Tracer } from '@opentelemetry/api';
import { isThenable } from '../base/index.ts';
import type { Instrumentation, MessageInfo, UpgradeInfo } from '../gateway/index.ts';
import { loadApi, type OpenTelemetryApi } from './api.ts';
import {
  resolveOpenTelemetryOptions,
  type OpenTelemetryOptions,
  type ResolvedOpenTelemetryOptions,
} from './options.ts';
import { Sampler } from './sampler.ts';

const SPAN_NAME = 'websocket.message';
const MAX_TYPE_LENGTH = 64;

type Headers = UpgradeInfo['headers'];

const HEADERS: TextMapGetter<Headers> = {
  get: (headers, name) => headers.get(name.toLowerCase()),
  keys: (headers) => [...headers.keys()],
};

/**
 * Gives what `createGateway` takes as `instrumentation`: a span for a sample of the messages, of
 * kind CONSUMER, as a child of the context that came with the upgrade request (`traceparent`, or
 * whatever the registered propagator reads). The span is active in the handler, and ends with it;
 * with an async one when its promise is settled. It has the attributes `connection_id`, `msg_type`,
 * `http.route` and `messaging.message.body.size` (bytes), and records what the handler throws.
 *
 * Nothing is exported until the program registers an SDK's tracer provider, propagator and context
 * manager, before or after this.
 * @throws {RondoError} ERR_TELEMETRY_UNAVAILABLE when `@opentelemetry/api` is not installed
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 * @example
 * const instrumentation = await openTelemetry({ sample: 0.001 });
 * const gateway = createGateway({ instrumentation });
 */
export async function openTelemetry(options: OpenTelemetryOptions = {}): Promise<Instrumentation> {
  const resolved = resolveOpenTelemetryOptions(options);
  return new MessageTracer(resolved.api ?? (await loadApi()), resolved);
}

class MessageTracer implements Instrumentation {
  readonly #api: OpenTelemetryApi;
  readonly #tracer: Tracer;
  readonly #sampler: Sampler;
  readonly #messageType: ResolvedOpenTelemetryOptions['messageType'];

  constructor(api: OpenTelemetryApi, options: ResolvedOpenTelemetryOptions) {
    this.#api = api;
    this.#tracer = api.trace.getTracer(options.tracerName);
    this.#sampler = new Sampler(options.sample, options.seed);
    this.#messageType = options.messageType;
  }

  /** A connection without a context of its own keeps nothing. */
  upgraded({ headers }: UpgradeInfo): Context | undefined {
    const { ROOT_CONTEXT, propagation } = this.#api;
    const context = propagation.extract(ROOT_CONTEXT, headers, HEADERS);
    return context === ROOT_CONTEXT ? undefined : context;
  }

  sampled(): boolean {
    return this.#sampler.next();
  }

  message(info: MessageInfo, run: () => unknown): unknown {
    const { ROOT_CONTEXT, SpanKind, context, trace } = this.#api;
    const parent = (info.context as Context | undefined) ?? ROOT_CONTEXT;
    const attributes = {
      connection_id: info.connectionId,
      msg_type: this.#typeOf(info),
      'http.route': info.route,
      'messaging.message.body.size': info.message.length,
    };
    const settings = { kind: SpanKind.CONSUMER, attributes };
    const span = this.#tracer.startSpan(SPAN_NAME, settings, parent);
    return context.with(trace.setSpan(parent, span), () => this.#spanned(span, run));
  }

  #spanned(span: Span, run: () => unknown): unknown {
    let result: unknown;
    let isAsync: boolean;
    try {
      result = run();
      isAsync = isThenable(result);
    } catch (error) {
      this.#failed(span, error);
      throw error;
    }
    if (!isAsync) {
      span.end();
      return result;
    }
    return Promise.resolve(result).then(
      (value) => {
        span.end();
        return value;
      },
      (error: unknown) => {
        this.#failed(span, error);
        throw error;
      },
    );
  }

  #failed(span: Span, error: unknown): void {
    const exception = error instanceof Error ? error : describe(error);
    const message = typeof exception === 'string' ? exception : exception.message;
    span.recordException(exception);
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message });
    span.end();
  }

  #typeOf({ message }: MessageInfo): string {
    try {
      return this.#messageType(message).slice(0, MAX_TYPE_LENGTH);
    } catch {
      return 'unknown';
    }
  }
}

/** What was thrown may throw again when it is looked at. */
function describe(error: unknown): string {
  try {
    return inspect(error, { depth: 1 });
  } catch {
    return 'an error that cannot be shown';
  }
}
