/**
 * The one door to native code. Tries the prebuilt platform package, then the local build; when
 * neither loads, the reason names all that was tried and the package goes on without it.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { RondoError } from '../base/index.ts';
import type { Native } from './native.ts';

/** Whether the addon is loaded, and if not, why. */
export type NativeStatus =
  | { readonly available: true; readonly native: Native }
  | { readonly available: false; readonly reason: string };

let status: NativeStatus | undefined;

/** Loads the addon at the first call; the answer stays the same for the life of the thread. */
export function nativeStatus(): NativeStatus {
  status ??= load();
  return status;
}

/** The addon's functions. @throws {RondoError} ERR_NATIVE_UNAVAILABLE when it cannot be loaded */
export function loadNative(): Native {
  const current = nativeStatus();
  if (current.available) return current.native;
  throw new RondoError('ERR_NATIVE_UNAVAILABLE', `Cannot load the native addon: ${current.reason}`);
}

function load(): NativeStatus {
  if (process.platform !== 'linux') {
    return { available: false, reason: `it is Linux only, this is ${process.platform}` };
  }
  const require = createRequire(import.meta.url);
  const candidates = [
    `@rondo/native-linux-${process.arch}`,
    fileURLToPath(new URL('../../../build/rondo.node', import.meta.url)),
  ];
  const tried: string[] = [];
  for (const candidate of candidates) {
    try {
      return { available: true, native: require(candidate) as Native };
    } catch (error) {
      const message = error instanceof Error ? error.message.split('\n')[0] : String(error);
      tried.push(`${candidate}: ${message}`);
    }
  }
  return {
    available: false,
    reason:
      'it is not built: npx rondo build makes it, in a clone npm run build; it needs a C compiler ' +
      `(tried ${tried.join('; ')})`,
  };
}
