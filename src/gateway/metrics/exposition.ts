/**
 * Metrics as text, in the exposition format 0.0.4 of Prometheus. What it is given is the gateway's
 * own, so a name that the format or its conventions do not allow is a defect.
 */
import { assert } from '../../base/index.ts';
import type { HistogramSnapshot } from './histogram.ts';

/** The content type of the format. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

/** One value of a metric that has a label. */
export type LabelledValue = readonly [label: string, value: number];

/** How a histogram is told. */
export interface HistogramForm {
  /** What a recorded value is divided by to be in the base unit. @default 1 */
  readonly divisor?: number;
  /** Octaves from one bound to the next: fewer bounds are fewer series. @default 1 */
  readonly octaves?: number;
}

/** Collects metrics, and is their text. */
export class Exposition {
  #text = '';
  readonly #names: Set<string> = new Set();

  /** What only grows. The name ends in `_total`. */
  counter(name: string, help: string, value: number): void {
    assert(name.endsWith('_total'), `counter ${name} ends in _total`);
    this.#head(name, 'counter', help);
    this.#sample(name, '', value);
  }

  /** A counter for each value of a label. */
  counters(name: string, help: string, label: string, values: Iterable<LabelledValue>): void {
    assert(name.endsWith('_total'), `counter ${name} ends in _total`);
    assert(LABEL.test(label), `${label} is a label`);
    this.#head(name, 'counter', help);
    this.#samples(name, label, values);
  }

  /** What goes up and down. */
  gauge(name: string, help: string, value: number): void {
    this.#head(name, 'gauge', help);
    this.#sample(name, '', value);
  }

  /** A gauge for each value of a label. */
  gauges(name: string, help: string, label: string, values: Iterable<LabelledValue>): void {
    assert(LABEL.test(label), `${label} is a label`);
    this.#head(name, 'gauge', help);
    this.#samples(name, label, values);
  }

  /** What was recorded, in cumulative buckets. */
  histogram(
    name: string,
    help: string,
    snapshot: HistogramSnapshot,
    { divisor = 1, octaves = 1 }: HistogramForm = {},
  ): void {
    this.#head(name, 'histogram', help);
    const { bounds, counts, parts } = snapshot;
    let sum = 0;
    for (let bucket = 0; bucket < counts.length - 1; bucket++) {
      sum += counts[bucket]!;
      if (bucket % (parts * octaves) !== 0) continue;
      this.#sample(`${name}_bucket`, `{le="${number(bounds[bucket]! / divisor)}"}`, sum);
    }
    this.#sample(`${name}_bucket`, '{le="+Inf"}', snapshot.count);
    this.#sample(`${name}_sum`, '', snapshot.sum / divisor);
    this.#sample(`${name}_count`, '', snapshot.count);
  }

  /** The whole text. */
  toString(): string {
    return this.#text;
  }

  #head(name: string, type: string, help: string): void {
    assert(NAME.test(name), `${name} is the name of a metric`);
    assert(!this.#names.has(name), `metric ${name} is told once`);
    this.#names.add(name);
    this.#text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
  }

  #samples(name: string, label: string, values: Iterable<LabelledValue>): void {
    for (const [text, value] of values) {
      this.#sample(name, `{${label}="${escapeLabel(text)}"}`, value);
    }
  }

  #sample(name: string, labels: string, value: number): void {
    this.#text += `${name}${labels} ${number(value)}\n`;
  }
}

/** A number as Go's ParseFloat reads it. */
function number(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
