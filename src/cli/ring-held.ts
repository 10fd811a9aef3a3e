/** Whether somebody still has a ring that is being watched. */
import { listRings } from '../ring/index.ts';

/** Whether anybody alive holds the name. */
export function isHeld(name: string, options: { readonly directory?: string }): boolean {
  const found = listRings(options).names.find((each) => each.name === name);
  return found?.holders.some(({ standing }) => standing === 'alive') ?? false;
}
