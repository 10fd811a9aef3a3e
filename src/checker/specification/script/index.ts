export { Cursor } from './cursor.ts';
export { decode, ELEMENTS, encode, PREFIXES, type Element } from './elements.ts';
export { evaluateExpression, interpret, type Access, type Machine } from './interpret.ts';
export { parseExpression } from './parse-expression.ts';
export { parseBody, parseScript } from './parse.ts';
export type { Expression, Known, Scalar, Script, Statement, View } from './syntax.ts';
