/** Proving small things for all inputs. */
export { any, assume } from './any.ts';
export { prove } from './prove.ts';
