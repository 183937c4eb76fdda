import { unzipSync, zipSync } from 'fflate'
import { crc32 } from '../../../runtime/index.ts'
import { damaged, formatError } from './errors.ts'
import { decodeNpy, encodeNpy, type NdArray } from './npy.ts'

/**
 * Reads the arrays of an npz file, a zip archive of npy files, by name.
 *
 * @param names Arrays to read; default: all.
 * @throws DATA_DAMAGED, DATA_TYPE; DATA_MEMBER when the file lacks one of `names`.
 */
export function decodeNpz(bytes: Uint8Array, file: string, names?: readonly string[]): Map<string, NdArray> {
  const wanted = names && new Set(names)
  const archive = unzip(bytes, file, (member) => member.endsWith('.npy') && (!wanted || wanted.has(nameOf(member))))
  const arrays = new Map<string, NdArray>()
  for (const [member, content] of archive.members) {
    arrays.set(nameOf(member), decodeNpy(content, `${file}/${member}`))
  }
  const missing = names?.find((name) => !arrays.has(name))
  if (missing !== undefined) {
    throw formatError('DATA_MEMBER', { file, name: missing, known: archive.names.map(nameOf).join(', ') || 'none' })
  }
  return arrays
}

/** Fixed time of all members, so that the same arrays give the same bytes. Zip's first year is 1980. */
const mtime = '1980-01-01T12:00:00'

/** Writes an npz file with uncompressed members, as `numpy.savez` does. */
export function encodeNpz(arrays: ReadonlyMap<string, Pick<NdArray, 'shape' | 'values'>>): Uint8Array {
  const members = [...arrays].map(([name, array]) => [`${name}.npy`, encodeNpy(array)])
  return zipSync(Object.fromEntries(members), { level: 0, mtime })
}

function nameOf(member: string): string {
  return member.replace(/\.npy$/, '')
}

/** Deflate's highest ratio of unpacked to packed bytes. */
const mostRatio = 1_032

/**
 * Unpacks members of a zip archive, stored or deflated. fflate doesn't check the checksums, which the archive's
 * directory holds, so this function does: a damaged member would go unnoticed.
 *
 * @param wanted Whether to unpack a member; default: all.
 * @returns The unpacked members, and the names of all.
 * @throws DATA_DAMAGED
 */
export function unzip(
  bytes: Uint8Array,
  file: string,
  wanted: (name: string) => boolean = () => true,
): { readonly members: ReadonlyMap<string, Uint8Array>; readonly names: readonly string[] } {
  const sums = checkSums(bytes, file)
  let unpacked: Record<string, Uint8Array>
  try {
    unpacked = unzipSync(bytes, {
      filter({ name, size, originalSize, compression }) {
        if (!wanted(name)) return false
        const possible = compression === 0 ? originalSize === size : originalSize <= mostRatio * (size + 1)
        if (!possible) throw damaged(file, 0, `member ${name} to be of ${size} packed bytes`, `${originalSize} bytes`)
        return true
      },
    })
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'DATA_DAMAGED') throw cause
    throw damaged(file, 0, 'a zip archive', cause instanceof Error ? cause.message : String(cause), cause)
  }
  const members = new Map(Object.entries(unpacked))
  for (const [name, sum] of sums) {
    const member = members.get(name)
    if (!wanted(name)) continue
    if (!member) throw damaged(file, 0, `a member ${name}`, 'none')
    const came = crc32(member)
    if (came !== sum) throw damaged(file, 0, `member ${name} to have check sum ${sum}`, String(came))
  }
  return { members, names: [...sums.keys()] }
}

const directoryEnd = 0x06054b50
const directoryEntry = 0x02014b50

/** The checksum of each member, from the directory at the archive's end. */
function checkSums(bytes: Uint8Array, file: string): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let end = bytes.length - 22
  while (end >= 0 && view.getUint32(end, true) !== directoryEnd) end--
  if (end < 0) throw damaged(file, bytes.length, "a zip archive's directory", 'the end')
  const sums = new Map<string, number>()
  const count = view.getUint16(end + 10, true)
  let at = view.getUint32(end + 16, true)
  for (let entry = 0; entry < count; entry++) {
    if (at + 46 > end || view.getUint32(at, true) !== directoryEntry) {
      throw damaged(file, at, `entry ${entry + 1} of ${count} of the archive's directory`, 'something else')
    }
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + view.getUint16(at + 28, true)))
    if (sums.has(name)) throw damaged(file, at, `another name than ${name}, which came before`, 'it again')
    sums.set(name, view.getUint32(at + 16, true))
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  return sums
}
