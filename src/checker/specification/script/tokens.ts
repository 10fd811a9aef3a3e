/** Cuts the text of a test into tokens. */

/** What a piece of text is. `host` and `rmw` are comments that say something. */
export type TokenKind = 'name' | 'number' | 'bigint' | 'string' | 'sign' | 'host' | 'rmw' | 'end';

/** A piece of text. */
export interface Token {
  readonly kind: TokenKind;
  /** Without quotes; of a comment what it says: `signal 0`, `o=>o+1`. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

// The longest first.
const SIGNS = [
  '>>>=',
  '===',
  '!==',
  '>>>',
  '<<=',
  '>>=',
  '**=',
  '=>',
  '==',
  '!=',
  '<=',
  '>=',
  '&&',
  '||',
  '??',
  '++',
  '--',
  '+=',
  '-=',
  '*=',
  '/=',
  '%=',
  '&=',
  '|=',
  '^=',
  '<<',
  '>>',
  '**',
];

const SPACE = /\s+/y;
const COMMENT = /\/\*([\s\S]*?)\*\/|\/\/([^\n]*)/y;
const NAME = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const NUMBER =
  /(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(n?)/y;
const STRING = /'([^'\\\n]*)'|"([^"\\\n]*)"/y;
const HOST = /\b(signal|await) host edge #(\d+)/;
const RMW = /^\s*atomic RMW\s+(.+?)\s*$/;

/**
 * All tokens, `end` last. `fail` is called with a sentence and an offset, and throws.
 */
export function tokenize(text: string, fail: (message: string, offset: number) => never): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const push = (kind: TokenKind, length: number, said: string): void => {
    tokens.push({ kind, text: said, start: at, end: at + length });
    at += length;
  };
  while (at < text.length) {
    const space = match(SPACE);
    const comment = space ? null : match(COMMENT);
    let found: RegExpExecArray | null;
    if (space) at += space[0].length;
    else if (comment) {
      const said = comment[1] ?? comment[2] ?? '';
      const host = HOST.exec(said);
      const rmw = RMW.exec(said);
      if (host) push('host', comment[0].length, `${host[1]} ${host[2]}`);
      else if (rmw) push('rmw', comment[0].length, rmw[1]!);
      else at += comment[0].length;
    } else if ((found = match(NAME))) push('name', found[0].length, found[0]);
    else if ((found = match(NUMBER)) && found[0] !== '.') {
      push(found[1] ? 'bigint' : 'number', found[0].length, found[0].replaceAll('_', ''));
    } else if ((found = match(STRING))) {
      push('string', found[0].length, found[1] ?? found[2] ?? '');
    } else {
      const sign = SIGNS.find((one) => text.startsWith(one, at)) ?? text[at]!;
      if (!/^[-+*/%&|^~!<>=?:;,.()[\]{}]/.test(sign)) fail(`"${sign}" is not understood`, at);
      push('sign', sign.length, sign);
    }
  }
  tokens.push({ kind: 'end', text: 'the end', start: text.length, end: text.length });
  return tokens;
}
