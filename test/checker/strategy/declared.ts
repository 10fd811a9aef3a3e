/** Declares tests, as a file of a user does: workers load it, and find a test by its name. */
import { model } from '../../../src/checker/index.ts';
import { alone, counter, inputs, mesh, mixed, ring, sleeper } from './programs.ts';

const models = ['sc', 'rc11', 'es'] as const;

model('mesh of two', { models }, mesh(2, 3));
model('mesh of three', { models }, mesh(3, 2));
model('ring', { models, races: 'allow' }, ring(5));
model('counter of four', { models }, counter(4, true));
model('counter of five', { models }, counter(5, true));
model('sleeper', { models }, sleeper(false));
model('inputs', { models }, inputs);
model('mixed', { models, races: 'allow' }, mixed);
model('lost update', { models }, counter(3, false));
model('lost wake', { models }, sleeper(true));
model('large', { models }, mesh(3, 4));
model('large, in one execution', { models: ['es'] }, alone(150));
