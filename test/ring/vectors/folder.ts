import { fileURLToPath } from 'node:url';

/** Where the vectors lie, for every language. */
export const folder: string = fileURLToPath(new URL('../../../../spec/vectors', import.meta.url));
