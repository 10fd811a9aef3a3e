import { realDriverSuite } from './real.ts';

realDriverSuite('portable');
