import { Packr } from 'msgpackr'
import { linkError } from './errors.ts'

const packr = new Packr({ useRecords: false, moreTypes: false, int64AsType: 'number' })

/** Most levels of objects within objects. */
export const mostLevels = 100

/** Packs plain objects, arrays, texts, numbers, booleans, null and bytes as MessagePack. */
export function pack(value: unknown): Uint8Array<ArrayBuffer> {
  // A copy, since the packer's buffer is larger, and used again.
  return Uint8Array.from(packr.pack(value))
}

/**
 * Unpacks untrusted MessagePack. Takes memory in proportion to the bytes. Returns only plain objects, arrays, texts,
 * numbers, booleans, null and Uint8Arrays. LINK_VALUE for other bytes.
 */
export function unpack(bytes: Uint8Array): unknown {
  scan(bytes)
  try {
    return packr.unpack(bytes)
  } catch (cause) {
    throw linkError('LINK_VALUE', { found: `invalid MessagePack (${String(cause).slice(0, 200)})` }, { cause })
  }
}

/**
 * Checks MessagePack without unpacking it, since msgpackr allocates arrays of any length that a header claims, and
 * makes dates, sets, expressions and functions from extensions.
 */
function scan(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  /** For each open collection, the number of values still to come. */
  const open = [1]
  let pending = 1
  let at = 0
  const need = (length: number): number => {
    const from = at
    at += length
    if (at > bytes.length) throw refused('ends too early')
    return from
  }
  const collection = (values: number): void => {
    pending += values
    if (pending > bytes.length - at) throw refused('claims more values than it has bytes')
    open.push(values)
    if (open.length > mostLevels + 2) throw refused(`has more than ${mostLevels} levels`)
  }
  while (open.length > 0) {
    const left = open.length - 1
    if (open[left] === 0) {
      open.pop()
      continue
    }
    open[left] = (open[left] ?? 0) - 1
    pending -= 1
    const kind = bytes[need(1)] ?? 0
    if (kind < 0x80 || kind >= 0xe0) continue
    if (kind < 0x90) collection(2 * (kind & 0x0f))
    else if (kind < 0xa0) collection(kind & 0x0f)
    else if (kind < 0xc0) need(kind & 0x1f)
    else
      switch (kind) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
          break
        case 0xc4:
        case 0xd9:
          need(view.getUint8(need(1)))
          break
        case 0xc5:
        case 0xda:
          need(view.getUint16(need(2)))
          break
        case 0xc6:
        case 0xdb:
          need(view.getUint32(need(4)))
          break
        case 0xcc:
        case 0xd0:
          need(1)
          break
        case 0xcd:
        case 0xd1:
          need(2)
          break
        case 0xca:
        case 0xce:
        case 0xd2:
          need(4)
          break
        case 0xcb:
        case 0xcf:
        case 0xd3:
          need(8)
          break
        case 0xdc:
          collection(view.getUint16(need(2)))
          break
        case 0xdd:
          collection(view.getUint32(need(4)))
          break
        case 0xde:
          collection(2 * view.getUint16(need(2)))
          break
        case 0xdf:
          collection(2 * view.getUint32(need(4)))
          break
        default:
          throw refused(`has the unknown kind ${kind}`)
      }
  }
  if (at !== bytes.length) throw refused('has bytes after its end')
}

function refused(found: string): Error {
  return linkError('LINK_VALUE', { found: `MessagePack that ${found}` })
}
