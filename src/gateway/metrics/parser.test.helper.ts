/**
 * A strict reader of the exposition format 0.0.4, which throws on whatever is not exactly it, or
 * breaks a convention: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import assert from 'node:assert/strict';

/** One line with a value. */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** What stands below a HELP and a TYPE. */
export interface ParsedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: Sample[];
}

const HELP = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/s;
const TYPE = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$/;
const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\+Inf|-Inf|NaN|-?[0-9.]+(?:e[+-]?[0-9]+)?)$/s;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;

/** Reads a whole text. */
export function parseExposition(text: string): Map<string, ParsedFamily> {
  assert.ok(text.endsWith('\n'), 'the last line ends in a line feed');
  const families = new Map<string, ParsedFamily>();
  const lines = text.slice(0, -1).split('\n');
  for (let i = 0; i < lines.length;) {
    const help = HELP.exec(lines[i++]!);
    assert.ok(help, `HELP expected, got ${lines[i - 1]}`);
    const type = TYPE.exec(lines[i++]!);
    assert.ok(type, `TYPE expected, got ${lines[i - 1]}`);
    const name = help[1]!;
    assert.equal(type[1], name);
    assert.ok(!families.has(name), `${name} is there once`);
    assert.match(help[2]!.replaceAll(/\\[\\n]/g, ''), /^[^\\]*$/, 'backslashes are escaped');
    const samples: Sample[] = [];
    while (i < lines.length && !lines[i]!.startsWith('#')) samples.push(parseSample(lines[i++]!));
    const family = { name, help: unescape(help[2]!), type: type[2]!, samples };
    checkFamily(family);
    families.set(name, family);
  }
  return families;
}

function parseSample(line: string): Sample {
  const match = SAMPLE.exec(line);
  assert.ok(match, `a sample expected, got ${line}`);
  const labels = new Map<string, string>();
  for (let rest = match[2] ?? ''; rest !== '';) {
    const label = LABEL.exec(rest);
    assert.ok(label, `labels expected, got ${rest}`);
    assert.ok(!labels.has(label[1]!) && !label[1]!.startsWith('__'), `label ${label[1]}`);
    labels.set(label[1]!, unescape(label[2]!));
    rest = rest.slice(label[0].length);
  }
  return { name: match[1]!, labels, value: Number(match[3]!.replace('Inf', 'Infinity')) };
}

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_, unit: string) => (unit === 'n' ? '\n' : unit));
}

function checkFamily({ name, type, samples }: ParsedFamily): void {
  const keys = samples.map((sample) => sample.name + JSON.stringify([...sample.labels]));
  assert.equal(new Set(keys).size, keys.length, `${name} has no series twice`);
  if (type === 'histogram') {
    checkHistogram(name, samples);
    return;
  }
  assert.equal(name.endsWith('_total'), type === 'counter', `${name} is named as its type`);
  for (const sample of samples) {
    assert.equal(sample.name, name);
    if (type === 'counter') assert.ok(sample.value >= 0, `${name} is no less than 0`);
  }
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const buckets = samples.slice(0, -2);
  let bound = -Infinity;
  let count = 0;
  for (const { name: each, labels, value } of buckets) {
    assert.equal(each, `${name}_bucket`);
    assert.deepEqual([...labels.keys()], ['le']);
    const le = Number(labels.get('le')!.replace('Inf', 'Infinity'));
    assert.ok(le > bound, 'bounds grow');
    assert.ok(value >= count, 'buckets are cumulative');
    [bound, count] = [le, value];
  }
  assert.equal(bound, Infinity, 'the last bucket holds all');
  const [sum, total] = samples.slice(-2);
  assert.deepEqual([sum!.name, total!.name], [`${name}_sum`, `${name}_count`]);
  assert.equal(total!.value, count);
}
