/** Programs whose executions are counted. */
import type { CheckOptions, TestBody } from '../../../../src/checker/check/index.ts';

/** A program, once for each size that is run. */
export interface Counted {
  /** Its name in the suite of GenMC, and so in `execution-counts.json`. */
  readonly name: string;
  readonly sizes: readonly Size[];
  /** Options beside the model. */
  readonly options?: CheckOptions;
}

/** One size of a program. */
export interface Size {
  /** Which of the numbers of the file it is. */
  readonly index: number;
  /** Executions under SC; undefined when the suite does not say. */
  readonly sc: number | undefined;
  readonly rc11: number | undefined;
  readonly body: TestBody;
  /** Where our count is another one, and why. */
  readonly differs?: Difference;
}

/** A count that is another one than that of the file. */
export interface Difference {
  readonly sc?: number;
  readonly rc11?: number;
  readonly why: string;
}

/** A program of one size. */
export function once(
  name: string,
  sc: number | undefined,
  rc11: number | undefined,
  body: TestBody,
  differs?: Difference,
): Counted {
  const size: Size = { index: 0, sc, rc11, body };
  return { name, sizes: [differs === undefined ? size : { ...size, differs }] };
}

/** A program of several sizes, with the same counts under both models, in the order of the file. */
export function series(
  name: string,
  body: (size: number) => TestBody,
  counts: Readonly<Record<number, number>>,
): Counted {
  const sizes = Object.entries(counts).map(([size, count], index) => ({
    index,
    sc: count,
    rc11: count,
    body: body(Number(size)),
  }));
  return { name, sizes };
}
