// Every execution of two threads that use the queue: npx rondo check queue.check.js
import assert from 'node:assert/strict';
import { model } from 'rondo/checker';
import { Queue, wordsFor } from './queue.js';

model('everything that is pushed is taken, in order', {}, ({ words, thread }) => {
  const queue = new Queue(words(wordsFor(2), 'queue'));
  thread('pushes', () => {
    for (const number of [10, 20]) while (!queue.push(number));
  });
  thread('takes', () => {
    assert.equal(queue.take(), 10);
    assert.equal(queue.take(), 20);
  });
});
