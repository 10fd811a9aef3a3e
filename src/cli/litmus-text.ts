/** What `rondo litmus --explain` prints. */
import type { LitmusExplanation, LitmusTest, Model } from '../checker/index.ts';

type Broken = LitmusExplanation['broken'][number];
type Event = LitmusExplanation['events'][number];

/** Why a model forbids what a test asks for, without the end of the last line. */
export function explanationText(
  test: LitmusTest,
  model: Model,
  explanations: readonly LitmusExplanation[],
): string {
  if (explanations.length === 0) {
    const what = test.quantifier === 'forall' ? 'violates' : 'satisfies';
    return `No state that ${what} the condition is forbidden by ${model.name}`;
  }
  return explanations.map((one) => explain(model, one)).join('\n\n');
}

function explain(model: Model, { state, candidates, broken, events }: LitmusExplanation): string {
  const how =
    candidates === 1
      ? 'the one execution that reaches it'
      : `${candidates} executions reach it; this is the one nearest to being allowed`;
  return [
    `Forbidden by ${model.name}: ${state}`,
    `(${how})`,
    '',
    ...columns(events),
    ...broken.flatMap((axiom) => ['', ...axiomLines(axiom)]),
  ].join('\n');
}

/** The events of each thread below each other, the threads side by side. */
function columns(events: readonly Event[]): string[] {
  const count = Math.max(...events.map(({ thread }) => thread)) + 1;
  const threads = Array.from({ length: count }, (_, thread) => [
    `P${thread}`,
    ...events.filter((event) => event.thread === thread).map(eventText),
  ]);
  const height = Math.max(...threads.map((lines) => lines.length));
  const widths = threads.map((lines) => Math.max(...lines.map((line) => line.length)));
  return Array.from({ length: height }, (_, row) =>
    `  ${threads.map((lines, at) => (lines[row] ?? '').padEnd(widths[at] ?? 0)).join('   ')}`.trimEnd(),
  );
}

const BROKEN = {
  acyclic: 'has a cycle',
  irreflexive: 'relates an event to itself',
  empty: 'relates two events',
} as const;

function axiomLines({ axiom, kind, steps }: Broken): string[] {
  const rows = steps.map(({ from, relation, to }) => [eventText(from), relation, eventText(to)]);
  const width = (column: number): number =>
    Math.max(...rows.map((row) => (row[column] ?? '').length));
  const [left, middle] = [width(0), width(1)];
  return [
    `  Axiom "${axiom}" does not hold: it ${BROKEN[kind]}`,
    ...rows.map(
      ([from = '', relation = '', to = '']) =>
        `    ${from.padEnd(left)}  ${relation.padEnd(middle)}  ${to}`,
    ),
  ];
}

/** `a: W [x]=1`; an initial write is `initial [x]=0`. */
function eventText({ name, thread, kind, what, value }: Event): string {
  if (thread < 0) return `initial [${what}]=${value}`;
  return kind === 'F' ? `${name}: ${what}` : `${name}: ${kind} [${what}]=${value}`;
}
