/** What a failure's report says, before it is laid out for a terminal or a page. */
import { type CheckResult, type Failure, TOKEN_BOUND } from '../check/check.ts';
import type { TraceEvent } from '../check/trace.ts';
import { type Row, type Story, storyOf } from './order.ts';
import { Rebuilder } from './rebuild.ts';
import { type Repairs, repairText } from './repair.ts';
import { Sources } from './source.ts';
import type { Step } from './steps.ts';
import { type Reason, reasonsOf } from './why.ts';
import { namingOf, plainText, rowText, stateText, valueText } from './words.ts';

/** One row of the execution. */
export interface ReportRow {
  readonly thread: number;
  readonly text: string;
  /** `folder/file:line`, `file:line`, and what stands there; '' when it is not known. */
  readonly place: string;
  readonly short: string;
  readonly source: string;
  /** Whether it does not find what an interleaving would give it. */
  readonly isOdd: boolean;
  /** Events of the execution, for what is drawn. */
  readonly events: readonly TraceEvent[];
}

/** Something that is explained. */
export interface ReportReason {
  readonly what: string;
  readonly because: readonly string[];
}

/** See the head of this file. */
export interface Report {
  readonly title: string;
  /** Lines of the message behind its first one. */
  readonly more: readonly string[];
  readonly kind: string;
  readonly coverage: string;
  readonly threads: readonly string[];
  readonly rows: readonly ReportRow[];
  /** By thread: how it ends; '' when there is nothing to say. */
  readonly ends: readonly string[];
  /** Sentences about the end: inputs, memory, races, sleepers. */
  readonly notes: readonly string[];
  readonly reasons: readonly ReportReason[];
  /** Said when there is no reason to give. */
  readonly plain: string;
  readonly repairs: readonly string[];
  /** What replays it. */
  readonly token: string;
  /** Undefined when the test failed before any thread. */
  readonly story: Story | undefined;
}

const PLAIN =
  'Each read finds the last write above it: that threads take turns is enough for this execution, ' +
  'and nothing is carried out in another order than it is written.';

/** One line: how much was explored, and whether that was everything. */
export function coverageText(result: CheckResult): string {
  const { executions, blocked, bounded, sample, failure } = result;
  if (failure !== undefined) return failedText(result, failure);
  const counts = `${amount(executions, 'execution')}, ${blocked} blocked`;
  if (sample !== undefined) return `SAMPLE (${sample}): ${blocked} blocked`;
  if (bounded !== undefined) return `BOUNDED (${bounded}): ${counts}`;
  const empty = executions === 0 ? ', and empty, as `assume` holds in no execution' : '';
  return `complete${empty}: ${counts}`;
}

function failedText(
  { executions, blocked, bounded }: CheckResult,
  { kind, trace }: Failure,
): string {
  if (bounded === TOKEN_BOUND) return 'the execution of a token';
  if (trace === undefined) return 'stopped at the first failure, before any execution';
  // The one that fails counts only if its threads came to their end, or will never.
  const isBlocked = kind === 'deadlock' || kind === 'livelock';
  const isWhole = kind === 'error' || kind === 'lock';
  const isEnded = isWhole && trace.states.every((state) => state === 'ended');
  const before = executions - Number(isEnded);
  const others = blocked - Number(isBlocked);
  const left = others > 0 ? `, ${others} of the others blocked` : '';
  return `stopped at the first failure, in execution ${before + others + 1}${left}`;
}

function amount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** The report of a failure. `folder` is what names of files are relative to. */
export function reportOf(
  result: CheckResult,
  failure: Failure,
  repairs: Repairs,
  folder: string | undefined,
): Report {
  const sources = new Sources(folder);
  const [first = '', ...more] = failure.message.split('\n').map(plainText);
  const { trace } = failure;
  const { model } = result;
  const isBuffered = model === 'x86-tso' || model === 'v8-x64';
  const story = trace === undefined ? undefined : storyOf(trace, isBuffered);
  const told = story === undefined ? NOTHING : tell(story, result, failure, sources);
  // Names are the test's, and may be anything.
  return {
    title: `FAILED under ${model}: ${first}`,
    more,
    kind: plainText(kindText(failure, sources)),
    coverage: coverageText(result),
    threads: (trace?.threads ?? []).map(plainText),
    ...told,
    ends: told.ends.map(plainText),
    notes: [...inputNotes(failure), ...told.notes].map(plainText),
    reasons: told.reasons.map(({ what, because }) => ({
      what: plainText(what),
      because: because.map(plainText),
    })),
    repairs: repairTexts(repairs).map(plainText),
    token: failure.token,
    story,
  };
}

type Told = Pick<Report, 'rows' | 'ends' | 'notes' | 'reasons' | 'plain'>;

const NOTHING: Told = { rows: [], ends: [], notes: [], reasons: [], plain: '' };

function tell(story: Story, { model }: CheckResult, failure: Failure, sources: Sources): Told {
  const rebuilder = new Rebuilder(story.facts.trace, model);
  const naming = namingOf(story, sources);
  const reasons = [
    ...reasonsOf(story, model, rebuilder, naming).map((reason) => ({
      what: sawText(reason, story),
      because: reason.because,
    })),
    ...lateReasons(story),
  ];
  return {
    rows: story.rows.map((row) => rowOf(row, story, sources)),
    ends: story.facts.trace.threads.map((_, thread) => endText(story, failure, thread)),
    notes: [
      ...memoryNotes(story),
      ...sleepNotes(story),
      ...raceNotes(failure, rebuilder, story, sources),
    ],
    reasons,
    plain: reasons.length === 0 && story.isInterleaving ? PLAIN : '',
  };
}

function rowOf(row: Row, story: Story, sources: Sources): ReportRow {
  const text = plainText(rowText(row, story, sources));
  if (row.kind === 'commit') {
    const { thread } = row.write;
    return { thread, text, place: '', short: '', source: '', isOdd: false, events: [] };
  }
  const { thread, site, events } = row.step;
  const { name, short, text: source } = sources.at(site);
  const isOdd = events.some(({ id }) => story.stale.has(id) || story.late.has(id));
  return { thread, text, place: name, short, source: plainText(source), isOdd, events };
}

/** Where an error was thrown, outside of the checker. */
function thrownAt(cause: unknown, sources: Sources): string {
  if (!(cause instanceof Error)) return '';
  for (const line of (cause.stack ?? '').split('\n')) {
    const place = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*:\d+:\d+)\)?$/.exec(line)?.[1];
    if (place === undefined) continue;
    const path = place.startsWith('file://') ? decodeURI(place.slice('file://'.length)) : place;
    return ` at ${sources.at(path).name}`;
  }
  return '';
}

const FAULTS = {
  range: 'an access out of range',
  uninitialised: 'a read of what was never written',
  lock: 'a misused lock',
} as const;

function kindText({ kind, cause, trace }: Failure, sources: Sources): string {
  switch (kind) {
    case 'race':
      return 'a data race: two accesses, of which one is plain, and nothing orders them';
    case 'deadlock':
      return 'a deadlock';
    case 'livelock':
      return 'a livelock';
    case 'range':
    case 'uninitialised':
    case 'lock':
      return FAULTS[kind];
    default: {
      const name = cause instanceof Error ? cause.name : 'something that is no Error was';
      const where = thrownAt(cause, sources);
      const when = trace === undefined ? ' while the test was set up' : '';
      return `${name} thrown${when}${where}`;
    }
  }
}

function inputNotes({ inputs }: Failure): string[] {
  return inputs.length === 0 ? [] : [`Chosen while the test was set up: ${inputs.join(', ')}`];
}

function endText(story: Story, { kind, message }: Failure, thread: number): string {
  const { states } = story.facts.trace;
  const state = states[thread];
  if (state !== 'stopped') return state === 'ended' ? '' : stateText(story, thread);
  // Several may not have come to their end: then nobody can tell which of them it was.
  const isThrown = kind !== 'race' && kind !== 'deadlock' && kind !== 'livelock';
  const isThrower = isThrown && states.filter((each) => each === 'stopped').length === 1;
  return isThrower ? `throws: ${plainText(message.split('\n')[0]!)}` : '';
}

function memoryNotes({ facts }: Story): string[] {
  const values = [...facts.finalValues()].map(([name, value]) => `${name} = ${valueText(value)}`);
  return values.length === 0 ? [] : [`Memory at the end: ${values.join(', ')}`];
}

/** What happened to threads that sleep for ever. */
function sleepNotes(story: Story): string[] {
  const { trace } = story.facts;
  return trace.threads.flatMap((name, thread) => {
    if (trace.states[thread] !== 'sleeping') return [];
    const asleep = story.rows.findLastIndex((row) => isStep(row, 'sleep', thread));
    const row = story.rows[asleep];
    if (row?.kind !== 'step') return [];
    const { location } = row.step;
    const calls = story.rows.flatMap((each, index) =>
      each.kind === 'step' && each.step.kind === 'notify' && each.step.location === location
        ? [index + 1]
        : [],
    );
    const isEarly = calls.every((call) => call <= asleep);
    const rows = `row${calls.length === 1 ? '' : 's'} ${calls.join(', ')}`;
    let why = `whoever notifies there wakes others (${rows})`;
    if (calls.length === 0) why = 'nobody notifies there';
    else if (isEarly) why = `whoever notifies there did so before that (${rows})`;
    return [`${name} sleeps on ${location} since row ${asleep + 1}: ${why}`];
  });
}

function isStep(row: Row, kind: Step['kind'], thread: number): boolean {
  return row.kind === 'step' && row.step.kind === kind && row.step.thread === thread;
}

function raceNotes(
  { kind }: Failure,
  rebuilder: Rebuilder,
  story: Story,
  sources: Sources,
): string[] {
  const race = kind === 'race' ? rebuilder.race() : undefined;
  if (race === undefined) return [];
  const naming = namingOf(story, sources);
  const [one, other] = race.map((id) => {
    const event = rebuilder.facts.event(id)!;
    return `${naming(event)}, which is ${event.order},`;
  });
  return [`The race: ${one} and ${other} are not ordered: neither happens before the other`];
}

/** `row 4 reads words[0] = 0, the initial value, and not 1 (row 3)`. */
function sawText({ read, missed }: Reason, { rowOf: rows }: Story): string {
  const row = rows.get(read.from ?? 0);
  const from = row === undefined ? 'the initial value' : `of row ${row + 1}`;
  const others = missed.map(({ id, value }) => `${valueText(value)} (row ${rows.get(id)! + 1})`);
  const not = others.length === 0 ? '' : `, and not ${others.join(' or ')}`;
  const own = rows.get(read.id)! + 1;
  return `row ${own} reads ${read.location} = ${valueText(read.value)}, ${from}${not}`;
}

/** Writes that are overwritten already by what stands above them. */
function lateReasons({ facts, late, rowOf: rows }: Story): ReportReason[] {
  return [...late].map((id) => {
    const { location, value } = facts.event(id)!;
    return {
      what: `row ${rows.get(id)! + 1} writes ${location} = ${valueText(value)}, and what stands above it is the last value`,
      because: ['nothing orders the two writes as these rows do'],
    };
  });
}

function repairTexts({ found, tried }: Repairs): string[] {
  if (tried === 0) return [];
  if (found.length > 0) return found.map(repairText);
  const what = `${amount(tried, 'change')} ${tried === 1 ? 'was' : 'were'} tried`;
  return [`No stronger access makes it pass, nor several together (${what})`];
}
