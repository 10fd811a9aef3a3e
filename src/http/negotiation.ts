/** Which content coding a client wants (RFC 9110 §12.5.3). */

const ELEMENT =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:[ \t]*;[ \t]*[Qq]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?$/;

/**
 * The best of the codings that are there, which are given best first: the one with the highest
 * weight in the client's header, and undefined when it is to be sent as it is.
 */
export function chooseEncoding<Coding extends string>(
  header: string | undefined,
  available: readonly Coding[],
): Coding | undefined {
  if (header === undefined) return undefined;
  const weights = new Map<string, number>();
  for (const element of header.split(',')) {
    const match = ELEMENT.exec(element.trim());
    if (match !== null) weights.set(match[1]!.toLowerCase(), Number(match[2] ?? 1));
  }
  const others = weights.get('*') ?? 0;
  let best: Coding | undefined;
  let bestWeight = 0;
  for (const coding of available) {
    const weight = weights.get(coding) ?? others;
    if (weight > bestWeight) [best, bestWeight] = [coding, weight];
  }
  // Without a word about it, as it is comes last.
  return (weights.get('identity') ?? 0) > bestWeight ? undefined : best;
}
