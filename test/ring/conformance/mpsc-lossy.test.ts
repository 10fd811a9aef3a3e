import { LOSSY, testManyToOne } from './matrix.ts';

testManyToOne(LOSSY);
