import { xchacha20 } from './bundled-cipher.ts'
import { type RandomStream, seedState, streamFrom } from './random-stream.ts'

/** Bytes of key stream that are made at a time. */
const blockBytes = 16384

/**
 * Makes the secret stream of a secret of 32 bytes and labels: the key stream of XChaCha20, which nobody without the secret can tell
 * from randomness, however much of it they see. The same secret and labels give the same stream.
 *
 * @see Bernstein, ChaCha, 2008; the nonce holds the round (8 bytes) and a hash of the labels (16 bytes).
 */
export function secretStream(secret: Uint8Array, round: number, ...labels: readonly (string | number)[]): RandomStream {
  const nonce = new Uint8Array(24)
  const view = new DataView(nonce.buffer)
  view.setFloat64(0, round)
  for (const [lane, word] of seedState(0, labels).entries()) view.setUint32(8 + 4 * lane, word)
  let counter = 0
  let place = 0
  let words: DataView = new DataView(new ArrayBuffer(0))
  return streamFrom(() => {
    if (place === words.byteLength) {
      const bytes = xchacha20(secret, nonce, new Uint8Array(blockBytes), undefined, counter)
      // A block of the cipher has 64 bytes.
      counter += blockBytes / 64
      words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      place = 0
    }
    place += 4
    return words.getUint32(place - 4, true)
  })
}
