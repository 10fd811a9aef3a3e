/** HTTP/1.1 as bytes: requests in, responses out. Knows no sockets. */
export { BodyDecoder, type BodyFraming } from './body-decoder.ts';
export { CHUNK_OVERHEAD_MAX, formatChunk, LAST_CHUNK } from './chunks.ts';
export { cookieOf } from './cookies.ts';
export { mediaTypeOf } from './media-types.ts';
export { chooseEncoding } from './negotiation.ts';
export type { RequestHead } from './request-head.ts';
export { RequestReader } from './request-reader.ts';
export { CONTINUE, formatHead, formatResponse, type HttpResponse } from './response.ts';
export { formatEvent, HEARTBEAT, type ServerEvent } from './server-events.ts';
export { splitPath } from './target-path.ts';
export { evaluateConditions, selectRange, type Validators } from './validators.ts';
