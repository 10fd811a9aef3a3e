import { realDriverSuite } from './real.ts';

realDriverSuite('epoll');
