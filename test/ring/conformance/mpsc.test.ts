import { GATED, testManyToOne } from './matrix.ts';

testManyToOne(GATED);
