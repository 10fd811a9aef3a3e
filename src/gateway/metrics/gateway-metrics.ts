/**
 * Everything that a gateway counts and measures, in shared memory, and its text for Prometheus. The
 * gateway's thread writes; what is measured per message is there only when it was asked for.
 */
import { systemClock, type Clock } from '../../base/index.ts';
import { Counters, type Arena } from '../../memory/index.ts';
import { GatewayCounts, type GatewayCounterName } from './counters.ts';
import { Exposition } from './exposition.ts';
import {
  CLOSES,
  COUNTER_FAMILIES,
  GAUGE_FAMILIES,
  HANDLER_TIMES,
  MESSAGE_SIZES,
  QUEUE_DEPTHS,
  RESPONSES,
  type GatewayGauges,
} from './families.ts';
import { HandlerTimer } from './handler-timer.ts';
import { Histogram, type HistogramScale } from './histogram.ts';

/** Codes one by one, then what libraries and programs use, then what nobody should. */
const CLOSE_LABELS = [
  ...Array.from({ length: 16 }, (_, i) => String(1000 + i)),
  '3000-3999',
  '4000-4999',
  'other',
];
const LIBRARY_CLOSES = 16;
const APPLICATION_CLOSES = 17;
const OTHER_CLOSES = 18;

const STATUS_LABELS = ['1xx', '2xx', '3xx', '4xx', '5xx'];

/** 16 bytes to 64 MiB, the largest message that can be allowed. */
const SIZE_SCALE: HistogramScale = { lowest: 4, highest: 26, partBits: 2 };
/** 64 bytes to 1 GiB, the largest queue that can be allowed. */
const QUEUE_SCALE: HistogramScale = { lowest: 6, highest: 30, partBits: 2 };
/** Two octaves apart: 13 series each, while quantiles are read from the finer buckets. */
const BYTES_FORM = { octaves: 2 };
const TIME_FORM = { octaves: 2, divisor: 1e6 };

/** What a gateway measures besides counting. */
export interface GatewayMetricsOptions {
  /** Measure sizes of messages and queues. @default true */
  readonly histograms?: boolean;
  /** Measure the time of one in so many message handlers, 0 for none. @default 0 */
  readonly timingSample?: number;
  /** @default the machine's monotonic clock */
  readonly clock?: Clock;
}

/** See the head of this file. */
export class GatewayMetrics {
  readonly counts: GatewayCounts;
  /** Record the bytes of each message that is received; null when that is off. */
  readonly messageSizes: Histogram | null;
  /** Record what waits on a connection when a message is sent behind it; null when that is off. */
  readonly queueDepths: Histogram | null;
  /** Times handlers; null when that is off. */
  readonly timer: HandlerTimer | null;
  readonly #closes: Counters;
  readonly #statuses: Counters;
  #last: { readonly closes: Tally; readonly statuses: Tally } | undefined;

  /** @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS */
  constructor(arena: Arena, owner: string, options: GatewayMetricsOptions = {}) {
    const { histograms = true, timingSample = 0, clock = systemClock } = options;
    this.counts = new GatewayCounts(arena, owner);
    this.#closes = Counters.create(arena, 'gateway closes', owner, CLOSE_LABELS);
    this.#statuses = Counters.create(arena, 'gateway statuses', owner, STATUS_LABELS);
    const histogram = (name: string, scale: HistogramScale): Histogram | null =>
      histograms ? Histogram.create(arena, name, owner, scale) : null;
    this.messageSizes = histogram('gateway message sizes', SIZE_SCALE);
    this.queueDepths = histogram('gateway queue depths', QUEUE_SCALE);
    this.timer = timingSample > 0 ? new HandlerTimer(arena, owner, timingSample, clock) : null;
  }

  /** A WebSocket has ended, with the code that its `close` handler is told. */
  closed(code: number): void {
    if (this.#last !== undefined) return;
    const { doubles, base } = this.#closes;
    doubles[base + closeIndex(code)]! += 1;
  }

  /** A response was sent, with a status from 100 to 599. */
  responded(status: number): void {
    const { doubles, base } = this.#statuses;
    doubles[base + Math.floor(status / 100) - 1]! += 1;
  }

  /** The metrics as text; see `EXPOSITION_TYPE`. `describe` adds what others count. */
  text(gauges: GatewayGauges, describe: (out: Exposition) => void = () => undefined): string {
    const out = new Exposition();
    for (const [key, { name, help }] of Object.entries(GAUGE_FAMILIES)) {
      out.gauge(name, help, gauges[key as keyof GatewayGauges]());
    }
    const counters = this.counts.snapshot();
    for (const [key, { name, help }] of Object.entries(COUNTER_FAMILIES)) {
      out.counter(name, help, counters[key as GatewayCounterName]);
    }
    const { closes, statuses } = this.#last ?? this.#tallies();
    out.counters(CLOSES.name, CLOSES.help, 'code', Object.entries(closes));
    out.counters(RESPONSES.name, RESPONSES.help, 'status', Object.entries(statuses));
    const { messageSizes, queueDepths, timer } = this;
    if (messageSizes !== null) {
      const { name, help } = MESSAGE_SIZES;
      out.histogram(name, help, messageSizes.snapshot(), BYTES_FORM);
    }
    if (queueDepths !== null) {
      const { name, help } = QUEUE_DEPTHS;
      out.histogram(name, help, queueDepths.snapshot(), BYTES_FORM);
    }
    if (timer !== null) {
      const { name, help } = HANDLER_TIMES;
      out.histogram(name, help, timer.snapshot(), TIME_FORM);
    }
    describe(out);
    return out.toString();
  }

  /** Gives the memory back; what was counted stays readable. Nothing may be recorded after that. */
  release(): void {
    if (this.#last !== undefined) return;
    this.#last = this.#tallies();
    this.#closes.release();
    this.#statuses.release();
    this.counts.release();
    this.messageSizes?.release();
    this.queueDepths?.release();
    this.timer?.release();
  }

  #tallies(): { readonly closes: Tally; readonly statuses: Tally } {
    return { closes: this.#closes.snapshot(), statuses: this.#statuses.snapshot() };
  }
}

type Tally = Readonly<Record<string, number>>;

function closeIndex(code: number): number {
  if (code >= 1000 && code <= 1015) return code - 1000;
  if (code >= 3000 && code <= 3999) return LIBRARY_CLOSES;
  return code >= 4000 && code <= 4999 ? APPLICATION_CLOSES : OTHER_CLOSES;
}
