/**
 * Describes the first difference of two plain values (with typed arrays). Undefined if the values are the same, bit by
 * bit. `place` names the values in the text.
 */
export function differenceOf(first: unknown, second: unknown, place: string): string | undefined {
  if (Object.is(first, second)) return undefined
  if (ArrayBuffer.isView(first) && ArrayBuffer.isView(second) && kindOf(first) === kindOf(second))
    return differenceOfBytes(first, second, place)
  if (typeof first !== 'object' || typeof second !== 'object' || first === null || second === null) {
    return `${place} was ${String(first)}, then ${String(second)}`
  }
  if (kindOf(first) !== kindOf(second)) return `${place} was a ${kindOf(first)}, then a ${kindOf(second)}`
  const before = new Map(Object.entries(first))
  const after = new Map(Object.entries(second))
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const found = differenceOf(before.get(name), after.get(name), `${place}.${name}`)
    if (found) return found
  }
  return undefined
}

/** The class of an object: Object, Array, Float32Array, …. */
function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1)
}

function differenceOfBytes(first: ArrayBufferView, second: ArrayBufferView, place: string): string | undefined {
  if (first.byteLength !== second.byteLength) return `${place} had ${first.byteLength} bytes, then ${second.byteLength}`
  const before = new Uint8Array(first.buffer, first.byteOffset, first.byteLength)
  const after = new Uint8Array(second.buffer, second.byteOffset, second.byteLength)
  const at = before.findIndex((byte, index) => byte !== after[index])
  return at < 0 ? undefined : `${place} differs from byte ${at} on`
}
