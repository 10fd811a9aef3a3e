import { LOSSY, testManyToMany } from './matrix.ts';

testManyToMany(LOSSY);
