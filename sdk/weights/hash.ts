/** SHA-256 of the weights' little-endian bytes, in hexadecimal. */
export async function weightsHash(weights: Float32Array): Promise<string> {
  const digest = await globalThis.crypto.subtle.digest(
    'SHA-256',
    Uint8Array.from(new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength)),
  )
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
