/** All models, by their names. */
import { armv8 } from './armv8.ts';
import { c11PartialSC } from './c11-partial-sc.ts';
import { c11 } from './c11.ts';
import type { Model } from './contract.ts';
import { rc11 } from './rc11.ts';
import { riscv } from './riscv.ts';
import { sc, scOfHerd } from './sc.ts';
import { tso } from './tso.ts';

/** Every model. */
export const MODELS: readonly Model[] = [sc, scOfHerd, tso, armv8, riscv, rc11, c11, c11PartialSC];

/** The model with this name or alias; undefined when there is none. */
export function modelNamed(name: string): Model | undefined {
  return MODELS.find((model) => model.name === name || model.aliases.includes(name));
}
