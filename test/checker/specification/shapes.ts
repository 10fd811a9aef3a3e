/**
 * The classic shapes of litmus tests, in JavaScript: plain, with Atomics, and with x alone plain.
 */
import { parseEcmaTest, type EcmaTest } from '../../../src/checker/specification/index.ts';

/** `Wx1` writes 1 to x; `Rxa` reads x into the variable a. */
type Step = string;

/** A shape. What is asked about the end is read by a thread that all others send a message to. */
export interface Shape {
  readonly threads: readonly (readonly Step[])[];
  /** Cells at the end, by the variables that they are read into. */
  readonly end: readonly Step[];
  readonly ask: string;
  /** Allowed (A) or forbidden (F): plain, Atomics, x alone plain. */
  readonly expected: string;
}

/** The styles of access, in the order of `expected`. */
export const STYLES = ['plain', 'atomics', 'plain-x'] as const;

export const SHAPES: Readonly<Record<string, Shape>> = {
  SB: shape('Wx1 Rya | Wy1 Rxb', '', 'a=0; b=0', 'AFA'),
  MP: shape('Wx1 Wy1 | Rya Rxb', '', 'a=1; b=0', 'AFF'),
  LB: shape('Rxa Wy1 | Ryb Wx1', '', 'a=1; b=1', 'AFF'),
  S: shape('Wx2 Wy1 | Rya Wx1', 'Rxb', 'a=1; b=2', 'AFF'),
  R: shape('Wx1 Wy1 | Wy2 Rxa', 'Ryb', 'a=0; b=2', 'AFA'),
  '2+2W': shape('Wx1 Wy2 | Wy1 Wx2', 'Rxa Ryb', 'a=1; b=1', 'AFA'),
  WRC: shape('Wx1 | Rxa Wy1 | Ryb Rxc', '', 'a=1; b=1; c=0', 'AFA'),
  RWC: shape('Wx1 | Rxa Ryb | Wy1 Rxc', '', 'a=1; b=0; c=0', 'AFA'),
  WWC: shape('Wx2 | Rxa Wy1 | Ryb Wx1', 'Rxc', 'a=2; b=1; c=2', 'AFA'),
  ISA2: shape('Wx1 Wy1 | Rya Wz1 | Rzb Rxc', '', 'a=1; b=1; c=0', 'AFF'),
  IRIW: shape('Wx1 | Wy1 | Rxa Ryb | Ryc Rxd', '', 'a=1; b=0; c=1; d=0', 'AFA'),
  'W+RWC': shape('Wx1 Wy1 | Rya Rzb | Wz1 Rxc', '', 'a=1; b=0; c=0', 'AFA'),
  CoRR: shape('Wx1 | Rxa Rxb', '', 'a=1; b=0', 'AFA'),
  CoWW: shape('Wx1 Wx2', 'Rxa', 'a=1', 'FFF'),
  CoRW1: shape('Rxa Wx1', '', 'a=1', 'FFF'),
  CoRW2: shape('Rxa Wx1 | Wx2', 'Rxb', 'a=2; b=2', 'AFA'),
  CoWR: shape('Wx1 Rxa | Wx2', 'Rxb', 'a=2; b=1', 'AFA'),
};

function shape(threads: string, end: string, ask: string, expected: string): Shape {
  const stepsOf = (text: string): string[] => text.split(' ').filter((step) => step !== '');
  return { threads: threads.split('|').map(stepsOf), end: stepsOf(end), ask, expected };
}

/** A shape as a test. */
export function testOf(name: string, style: (typeof STYLES)[number]): EcmaTest {
  const { threads, end, ask } = SHAPES[name]!;
  const lines = threads.map((steps, thread) => {
    const own = steps.map((step) => statementOf(step, style));
    return end.length > 0 ? [...own, `post(${thread});`] : own;
  });
  if (end.length > 0) {
    const messages = threads.map((_, thread) => `receive(${thread});`);
    lines.push([...messages, ...end.map((step) => statementOf(step, style))]);
  }
  return parseEcmaTest({ name: `${name} ${style}`, threads: lines, ask });
}

function statementOf([kind, cell, what]: Step, style: (typeof STYLES)[number]): string {
  const atomic = style === 'atomics' || (style === 'plain-x' && cell !== 'x');
  if (kind === 'W') return atomic ? `Atomics.store(${cell}, 0, ${what});` : `${cell}[0] = ${what};`;
  return `const ${what} = ${atomic ? `Atomics.load(${cell}, 0)` : `${cell}[0]`};`;
}
