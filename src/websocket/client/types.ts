/** Types of the interface that both kinds of WebSocket have. */

/** A message as it arrives: text, or bytes as `binaryType` says. */
export type MessageData = string | Blob | ArrayBuffer | Uint8Array;

/** What can be sent: text, or bytes. Bytes are copied, so they are the caller's again at once. */
export type SendData = string | ArrayBufferLike | ArrayBufferView | Blob;

/** How a connection ended. */
export interface CloseEventFields {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
  readonly error: Error | undefined;
}
