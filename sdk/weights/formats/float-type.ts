/** Little-endian floats in a weights file. */
export interface FloatType {
  readonly bytes: 2 | 4 | 8
  read(view: DataView, offset: number): number
}

const float32: FloatType = { bytes: 4, read: (view, offset) => view.getFloat32(offset, true) }

/** By their names in safetensors. */
export const floatTypes: ReadonlyMap<string, FloatType> = new Map([
  ['F32', float32],
  ['F64', { bytes: 8, read: (view, offset) => view.getFloat64(offset, true) }],
  ['F16', { bytes: 2, read: (view, offset) => fromHalf(view.getUint16(offset, true)) }],
  ['BF16', { bytes: 2, read: bfloat16 }],
])

/** Copies the values out of bytes. */
export function floatsIn(bytes: Uint8Array, type: FloatType = float32): Float32Array {
  // A copy of bytes, not of values, keeps the bits of NaN, too.
  if (type === float32) return new Float32Array(new Uint8Array(bytes).buffer)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float32Array.from({ length: bytes.length / type.bytes }, (_, index) => type.read(view, index * type.bytes))
}

const scratch = new DataView(new ArrayBuffer(4))

/** The float32 whose upper half these 16 bits are. */
function bfloat16(view: DataView, offset: number): number {
  scratch.setUint16(2, view.getUint16(offset, true), true)
  return scratch.getFloat32(0, true)
}

/** Converts a 16-bit IEEE 754 number (binary16) to float32, exactly. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
