import { realDriverSuite } from './real.ts';

realDriverSuite('uring');
