/**
 * Which names topics may have. A name is segments with `/` between them; a pattern, which only
 * subscriptions use, is a name in which `*` stands for any one segment, and `**`, as the last one,
 * for any number of them, none included.
 *
 * `*` is reserved even inside a segment, and an empty segment is refused: it is what a missing
 * value leaves behind (`room/${undefined ?? ''}`), and would quietly be a topic of its own.
 */
import { misuse } from '../../base/index.ts';

/** UTF-16 units of a name. */
const MAX_NAME_LENGTH = 256;

const SLASH = 0x2f;

/** Checks the name of a topic. @throws {TypeError} ERR_TOPIC */
export function checkTopic(name: string): void {
  const rule = brokenRule(name);
  if (rule !== undefined) throw refusal(name, rule);
  if (!name.includes('*')) return;
  throw refusal(name, 'wildcards are for subscriptions alone');
}

/** Checks what is subscribed to; says whether it has wildcards. @throws {TypeError} ERR_TOPIC */
export function checkPattern(name: string): boolean {
  const rule = brokenRule(name);
  if (rule !== undefined) throw refusal(name, rule);
  if (!name.includes('*')) return false;
  const segments = name.split('/');
  for (const [index, segment] of segments.entries()) {
    if (segment === '**' && index < segments.length - 1) {
      throw refusal(name, '** can only be its last segment');
    }
    if (segment !== '*' && segment !== '**' && segment.includes('*')) {
      throw refusal(name, 'a wildcard is a segment of its own');
    }
  }
  return true;
}

/** What neither names nor patterns may have. */
function brokenRule(name: string): string | undefined {
  if (typeof name !== 'string') return 'it must be a string';
  if (name.length === 0 || name.length > MAX_NAME_LENGTH) {
    return `it must have 1 to ${MAX_NAME_LENGTH} UTF-16 units, got ${name.length}`;
  }
  let before = SLASH;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    // C0 and C1 of Unicode, and DEL: in a log or on a terminal they would be more than text.
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return 'it must not have control characters';
    if (unit === SLASH && before === SLASH) return 'no segment may be empty';
    before = unit;
  }
  if (before === SLASH) return 'no segment may be empty';
  return name.isWellFormed() ? undefined : 'it must not have half of a surrogate pair';
}

/** The name may be of any length and type: what it is shown as is bounded. */
function refusal(name: unknown, rule: string): TypeError {
  const text = typeof name === 'string' ? name : typeof name;
  const shown = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return misuse('ERR_TOPIC', `Cannot use topic ${JSON.stringify(shown)}: ${rule}`);
}
