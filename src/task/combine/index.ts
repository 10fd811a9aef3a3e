export { attempt, shield } from './attempt.ts';
export { join, joinSettled, type Outcome } from './join.ts';
export {
  borrow,
  race,
  select,
  type Branches,
  type Selected,
  type SelectOptions,
} from './select.ts';
export { deadline, timeLeft, timeout } from './timeout.ts';
