/** The check sums of a byte, and of a byte that one, two, … seven zero bytes follow: 256 of each. */
const sums = new Int32Array(8 * 256)
for (let byte = 0; byte < 256; byte++) {
  let sum = byte
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? 0xedb88320 ^ (sum >>> 1) : sum >>> 1
  sums[byte] = sum
}
for (let at = 256; at < sums.length; at++) {
  const sum = sums[at - 256] ?? 0
  sums[at] = (sums[sum & 0xff] ?? 0) ^ (sum >>> 8)
}

/** The checksum of zip and gzip (CRC-32). Takes eight bytes a step: about as fast as they are copied twice. */
export function crc32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let crc = -1
  let at = 0
  for (; at + 8 <= bytes.length; at += 8) {
    const low = crc ^ view.getInt32(at, true)
    const high = view.getInt32(at + 4, true)
    crc =
      (sums[0x700 | (low & 0xff)] ?? 0) ^
      (sums[0x600 | ((low >>> 8) & 0xff)] ?? 0) ^
      (sums[0x500 | ((low >>> 16) & 0xff)] ?? 0) ^
      (sums[0x400 | (low >>> 24)] ?? 0) ^
      (sums[0x300 | (high & 0xff)] ?? 0) ^
      (sums[0x200 | ((high >>> 8) & 0xff)] ?? 0) ^
      (sums[0x100 | ((high >>> 16) & 0xff)] ?? 0) ^
      (sums[high >>> 24] ?? 0)
  }
  for (; at < bytes.length; at++) crc = (sums[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8)
  return ~crc >>> 0
}
