import { GATED, testManyToMany } from './matrix.ts';

testManyToMany(GATED);
