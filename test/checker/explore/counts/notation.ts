/**
 * Programs of a few accesses in one line: threads between `|`, accesses between `;`.
 *
 *     x=1 rel      writes 1; `x=r` what was read last, `x=!r` minus one, `x=r+4` four more
 *     x acq        reads
 *     x+=1 rlx     adds, as one step
 *     x:=1 rlx     exchanges
 *     x:0>42 rlx   writes 42 if it is 0, as one step
 *     fence sc     a fence
 *     when >1      goes on only when what was read last is more than 1, else the thread ends
 *     assume =2    only executions are asked about in which what was read last is 2
 *
 * Orders are `na` (plain), `rlx`, `acq`, `rel`, `ar` and `sc`.
 */
import type {
  Cell,
  MemoryOrder,
  TestBody,
  TestContext,
} from '../../../../src/checker/check/index.ts';

const ORDERS: Readonly<Record<string, MemoryOrder>> = {
  rlx: 'relaxed',
  acq: 'acquire',
  rel: 'release',
  ar: 'acq_rel',
  sc: 'seq_cst',
};

/** What a thread does with its variables; false ends it. `last` is what was read last. */
type Action = (last: { value: number }) => boolean;

function holds(relation: string, value: number, bound: number): boolean {
  if (relation === '=') return value === bound;
  return relation === '>' ? value > bound : value < bound;
}

/** The actions of one access. */
function actionOf(
  text: string,
  context: TestContext,
  variable: (name: string) => Cell<number>,
): Action {
  const [, what = '', by = ''] = /^(\S+) (\S+)$/.exec(text.trim()) ?? [];
  const order = ORDERS[by];
  if (what === 'fence') return () => (context.fence(order!), true);
  if (what === 'when' || what === 'assume') {
    const bound = Number(by.slice(1));
    return (last) => {
      const isMet = holds(by[0]!, last.value, bound);
      if (what === 'assume') context.assume(isMet);
      return isMet;
    };
  }
  const [, name = '', how, operand = ''] = /^([a-z])(?:(\+=|:=|:|=)(.+))?$/.exec(what) ?? [];
  if (name === '') throw new Error(`Cannot read ${text}`);
  const cell = variable(name);
  switch (how) {
    case undefined:
      return (last) => {
        last.value = order === undefined ? cell.plainLoad() : cell.load(order);
        return true;
      };
    case '=':
      return (last) => {
        const value = valueOf(operand, last.value);
        if (order === undefined) cell.plainStore(value);
        else cell.store(value, order);
        return true;
      };
    case '+=':
      return (last) => {
        last.value = cell.update((before) => before + Number(operand), order);
        return true;
      };
    case ':=':
      return (last) => {
        last.value = cell.exchange(Number(operand), order);
        return true;
      };
    default: {
      const [expected = 0, value = 0] = operand.split('>').map(Number);
      return (last) => {
        last.value = cell.compareExchange(expected, value, order);
        return true;
      };
    }
  }
}

function valueOf(operand: string, last: number): number {
  if (operand === '!r') return last - 1;
  if (!operand.startsWith('r')) return Number(operand);
  return last + Number(operand.slice(1));
}

/** A program in this notation. */
export function straight(text: string): TestBody {
  return (context) => {
    const variables = new Map<string, Cell<number>>();
    const variable = (name: string): Cell<number> => {
      let cell = variables.get(name);
      if (cell === undefined) variables.set(name, (cell = context.cell(0, name)));
      return cell;
    };
    text.split('|').forEach((thread, index) => {
      const actions = thread.split(';').map((access) => actionOf(access, context, variable));
      context.thread(`thread ${index + 1}`, () => {
        const last = { value: 0 };
        for (const action of actions) if (!action(last)) return;
      });
    });
  };
}
