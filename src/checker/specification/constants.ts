/**
 * The constants that a test names: values that reads are tried with, whoever may have made them.
 */
import {
  evaluateExpression,
  type Expression,
  type Scalar,
  type Statement,
} from './script/index.ts';
import { namesIn, walkExpression, type EcmaTest } from './ecma-test.ts';

/** Constants of the threads and of the question, each once. */
export function constantsOf({ threads, ask }: EcmaTest): Scalar[] {
  const found = new Set<Scalar>();
  const visit = (expression: Expression): void => {
    walkExpression(expression, (one) => {
      if (one.kind === 'literal') found.add(one.value);
      if (one.kind === 'unary' && one.of.kind === 'literal') {
        found.add(evaluateExpression(one, new Map()));
      }
    });
  };
  for (const { statements } of threads) expressionsOf(statements).forEach(visit);
  if (ask) visit(ask.condition);
  return [...found];
}

/**
 * Whether what is asked is only about variables that are read from memory as they are, and that
 * they equal constants: then the torn values that matter are named in the question.
 */
export function asksForReads({ threads, ask }: EcmaTest): boolean {
  if (!ask) return true;
  if (!comparesWithConstants(ask.condition)) return false;
  const direct = new Set<string>();
  for (const { statements } of threads) {
    for (const statement of statements) {
      if (statement.kind !== 'declare' || !statement.value) continue;
      const { kind } = statement.value;
      if (kind !== 'binary' && kind !== 'unary' && kind !== 'conditional')
        direct.add(statement.name);
    }
  }
  return namesIn(ask.condition).every((name) => direct.has(name.replace(/^\d+:/, '')));
}

function comparesWithConstants(condition: Expression): boolean {
  if (condition.kind === 'logical') {
    return comparesWithConstants(condition.left) && comparesWithConstants(condition.right);
  }
  if (condition.kind !== 'binary') return false;
  const { operator, right } = condition;
  const isConstant = namesIn(right).length === 0;
  return (operator === '===' || operator === '==') && isConstant;
}

function expressionsOf(statements: readonly Statement[]): Expression[] {
  return statements.flatMap((statement) => {
    switch (statement.kind) {
      case 'expression':
        return [statement.expression];
      case 'declare':
        return statement.value ? [statement.value] : [];
      case 'if':
        return [
          statement.test,
          ...expressionsOf(statement.whenTrue),
          ...expressionsOf(statement.whenFalse),
        ];
      case 'while':
        return [statement.test, ...expressionsOf(statement.body)];
      case 'host':
        return [];
      default:
        return statement satisfies never;
    }
  });
}
