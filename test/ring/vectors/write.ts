/**
 * Writes the vectors: `npm run build && node dist/test/ring/vectors/write.js`. vectors.test.ts says
 * when they are not what they must be.
 */
import { writeFileSync } from 'node:fs';
import { vectorFiles } from './files.ts';
import { folder } from './folder.ts';

for (const [name, content] of vectorFiles()) writeFileSync(`${folder}/${name}`, content);
