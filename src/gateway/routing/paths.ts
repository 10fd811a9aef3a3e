/** Which route a path belongs to, and what its parameters are. */
import { misuse } from '../../base/index.ts';

type ParameterNames<Path extends string> = Path extends `${infer Head}/${infer Tail}`
  ? ParameterNames<Head> | ParameterNames<Tail>
  : Path extends `:${infer Name}`
    ? Name
    : never;

/** The parameters that a path names: `'/topics/:topic'` has `{ topic: string }`. */
export type RouteParams<Path extends string> = string extends Path
  ? AnyParams
  : { readonly [Name in ParameterNames<Path>]: string };

/** The parameters of a connection whose route is not known by type. */
export type AnyParams = Readonly<Record<string, string>>;

/** UTF-16 units of a decoded parameter. */
export const MAX_PARAMETER_LENGTH = 128;

const NO_PARAMS: AnyParams = Object.freeze({});
const SEGMENT = /^(?::[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9\-._~!$&'()*+,;=@%]*)$/;

interface Pattern<R> {
  readonly segments: readonly string[];
  readonly route: R;
}

/** A route that was found. */
export interface PathMatch<R> {
  readonly kind: 'match';
  readonly route: R;
  readonly params: AnyParams;
}

/** A path that has a route, but a parameter that cannot be used. */
export interface PathProblem {
  readonly kind: 'problem';
  /** 400 or 414. */
  readonly status: number;
  readonly reason: string;
}

/** Paths to routes. Exact paths win over paths with parameters; those are tried in their order. */
export class PathTable<R> {
  readonly #exact = new Map<string, PathMatch<R>>();
  readonly #patterns: Pattern<R>[] = [];
  readonly #taken = new Set<string>();

  /** @throws {TypeError} ERR_ROUTE when the path is not valid or is taken */
  add(path: string, route: R): void {
    const segments = checkPath(path);
    const shape = segments.map((segment) => (segment.startsWith(':') ? ':' : segment)).join('/');
    if (this.#taken.has(shape)) {
      throw misuse('ERR_ROUTE', `Cannot add route ${JSON.stringify(path)}: its path is taken`);
    }
    this.#taken.add(shape);
    if (shape.includes(':')) this.#patterns.push({ segments, route });
    else this.#exact.set(path, { kind: 'match', route, params: NO_PARAMS });
  }

  /** The route of a path that is still percent-encoded, or undefined. */
  match(path: string): PathMatch<R> | PathProblem | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined || this.#patterns.length === 0) return exact;
    const segments = path.split('/');
    const pattern = this.#patterns.find((each) => fits(each.segments, segments));
    if (pattern === undefined) return undefined;
    const params: Record<string, string> = {};
    for (const [index, name] of pattern.segments.entries()) {
      if (!name.startsWith(':')) continue;
      const value = decode(segments[index]!);
      if (value === undefined) {
        return { kind: 'problem', status: 400, reason: 'The path is not valid percent-encoding' };
      }
      if (value.length > MAX_PARAMETER_LENGTH) {
        const reason = `A part of the path is above ${MAX_PARAMETER_LENGTH} characters`;
        return { kind: 'problem', status: 414, reason };
      }
      params[name.slice(1)] = value;
    }
    return { kind: 'match', route: pattern.route, params: Object.freeze(params) };
  }
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, index) =>
      part.startsWith(':') ? segments[index] !== '' : part === segments[index],
    )
  );
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function checkPath(path: string): string[] {
  const segments = typeof path === 'string' ? path.split('/') : [];
  const names = segments.filter((segment) => segment.startsWith(':'));
  const valid =
    segments.length > 1 &&
    segments[0] === '' &&
    segments.every((segment) => SEGMENT.test(segment)) &&
    new Set(names).size === names.length;
  if (valid) return segments;
  throw misuse(
    'ERR_ROUTE',
    `Cannot add route ${JSON.stringify(path)}: a path starts with / and its parts are percent-` +
      'encoded text or different :names',
  );
}
