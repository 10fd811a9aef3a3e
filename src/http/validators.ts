/** Conditional requests (RFC 9110 §8.8, §13), as pure functions of what is known of a resource. */

/** What a request is compared with. */
export interface Validators {
  /** With its quotes, and `W/` if it is weak. */
  readonly etag?: string;
  /** Milliseconds since 1970; counts in whole seconds. */
  readonly lastModified?: number;
}

/** Headers of a request, names in lower case. */
type Headers = ReadonlyMap<string, string>;

const ENTITY_TAG = /^(?:W\/)?"[!#-~\x80-\xff]*"$/;
/** The elements of a list of entity tags: a comma may stand inside of one. */
const LISTED_TAGS = /^(?:[ \t]*,)*[ \t]*((?:W\/)?"[!#-~\x80-\xff]*")[ \t]*(?=,|$)/;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAY = '(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat)';
const LONG_DAY = '(?:Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday)';
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = '(?<hour>[0-9]{2}):(?<minute>[0-9]{2}):(?<second>[0-9]{2})';
/** The three forms of RFC 9110 §5.6.7: of today, of RFC 850, and of asctime. */
const DATE_FORMS: readonly RegExp[] = [
  new RegExp(`^${DAY}, (?<day>[0-9]{2}) ${MONTH} (?<year>[0-9]{4}) ${TIME} GMT$`),
  new RegExp(`^${LONG_DAY}, (?<day>[0-9]{2})-${MONTH}-(?<year>[0-9]{2}) ${TIME} GMT$`),
  new RegExp(`^${DAY} ${MONTH} (?<day>[0-9]{2}| [0-9]) ${TIME} (?<year>[0-9]{4})$`),
];

/**
 * Milliseconds since 1970 of a date as HTTP writes it, or undefined when it is none. Years of two
 * digits are those from 1970 to 2069.
 */
export function parseHttpDate(text: string): number | undefined {
  for (const form of DATE_FORMS) {
    const groups = form.exec(text)?.groups;
    if (groups === undefined) continue;
    const [day, hour, minute, second] = [
      Number(groups['day']),
      Number(groups['hour']),
      Number(groups['minute']),
      Number(groups['second']),
    ];
    const written = Number(groups['year']);
    const year = groups['year']!.length === 4 ? written : written + (written < 70 ? 2000 : 1900);
    const month = MONTHS.indexOf(groups['month']!);
    // A leap second is a second of the next minute, as everywhere in POSIX. `Date.UTC` takes years
    // below 100 for those of the twentieth century, and nothing was changed in the middle ages.
    const isTime = hour < 24 && minute < 60 && second <= 60;
    if (!isTime || year < 1000 || day < 1 || day > daysOf(year, month)) return undefined;
    return Date.UTC(year, month, day, hour, minute, second);
  }
  return undefined;
}

function daysOf(year: number, month: number): number {
  if (month !== 1) return [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]!;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}

/** Whether a list of entity tags, or `*`, names this one. Strong comparison wants both strong. */
export function hasEntityTag(list: string, etag: string, comparison: 'weak' | 'strong'): boolean {
  if (list === '*') return true;
  let rest = list;
  for (;;) {
    const match = LISTED_TAGS.exec(rest);
    if (match === null) return false;
    if (isSameTag(match[1]!, etag, comparison)) return true;
    rest = rest.slice(match[0].length);
  }
}

function isSameTag(one: string, other: string, comparison: 'weak' | 'strong'): boolean {
  if (comparison === 'strong') return one === other && !one.startsWith('W/');
  return opaque(one) === opaque(other);
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}

/**
 * What the conditions of a request for an existing resource come to (RFC 9110 §13.2.2): 412 or 304
 * instead of the response, or undefined to go on. `If-Range` is a matter of `selectRange`.
 */
export function evaluateConditions(
  method: string,
  headers: Headers,
  validators: Validators,
): 304 | 412 | undefined {
  const { etag } = validators;
  const match = headers.get('if-match');
  if (match !== undefined) {
    if (match !== '*' && (etag === undefined || !hasEntityTag(match, etag, 'strong'))) return 412;
  } else if (isNewerThan(validators, headers.get('if-unmodified-since'))) {
    return 412;
  }
  const reads = method === 'GET' || method === 'HEAD';
  const none = headers.get('if-none-match');
  if (none !== undefined) {
    const known = none === '*' || (etag !== undefined && hasEntityTag(none, etag, 'weak'));
    if (!known) return undefined;
    return reads ? 304 : 412;
  }
  const since = headers.get('if-modified-since');
  if (!reads || since === undefined || validators.lastModified === undefined) return undefined;
  if (parseHttpDate(since) === undefined) return undefined;
  return isNewerThan(validators, since) ? undefined : 304;
}

function isNewerThan({ lastModified }: Validators, date: string | undefined): boolean {
  if (lastModified === undefined || date === undefined) return false;
  const time = parseHttpDate(date);
  return time !== undefined && Math.floor(lastModified / 1000) * 1000 > time;
}

/** Bytes of a resource: the first and the last of them. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

const RANGE = /^bytes=[ \t]*(?:([0-9]{1,15})-([0-9]{1,15})?|-([0-9]{1,15}))[ \t]*$/i;

/**
 * The part of a resource of `size` bytes that a GET asks for: undefined for all of it, 416 when
 * none of it can be had. Several ranges, other units and what cannot be understood are ignored, as
 * RFC 9110 §14.2 allows: whoever asks for a part must take the whole.
 */
export function selectRange(
  headers: Headers,
  size: number,
  validators: Validators,
): ByteRange | 416 | undefined {
  const match = RANGE.exec(headers.get('range') ?? '');
  if (match === null || !isUnchanged(headers.get('if-range'), validators)) return undefined;
  const [, first, last, suffix] = match;
  if (suffix !== undefined) {
    const wanted = Math.min(Number(suffix), size);
    return wanted === 0 ? 416 : { first: size - wanted, last: size - 1 };
  }
  const from = Number(first);
  const to = last === undefined ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== undefined && Number(last) < from) return undefined;
  return from >= size ? 416 : { first: from, last: to };
}

/** `If-Range`: an exact date, or a tag by strong comparison. */
function isUnchanged(condition: string | undefined, validators: Validators): boolean {
  if (condition === undefined) return true;
  const { etag, lastModified } = validators;
  if (ENTITY_TAG.test(condition)) {
    return etag !== undefined && isSameTag(condition, etag, 'strong');
  }
  const time = parseHttpDate(condition);
  return (
    time !== undefined &&
    lastModified !== undefined &&
    Math.floor(lastModified / 1000) * 1000 === time
  );
}
