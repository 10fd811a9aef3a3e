/** As much HTTP/1.1 as the gateway's port needs: request heads in, whole responses out. */
export type { RequestHead, RequestProblem } from './request-head.ts';
export { RequestReader } from './request-reader.ts';
export { formatResponse, type HttpResponse } from './response.ts';
