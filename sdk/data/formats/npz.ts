import { zipSync } from 'fflate'
import { dataError } from '../errors.ts'
import { decodeNpy, encodeNpy, type NdArray } from './npy.ts'
import { unzip } from './zip.ts'

/**
 * The arrays in an npz file, a zip archive of npy files, by name.
 *
 * @param names Arrays to read; default: all.
 * @throws DATA_DAMAGED, DATA_TYPE; DATA_MEMBER when there is no array of a name asked for.
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
    throw dataError('DATA_MEMBER', { file, name: missing, known: archive.names.map(nameOf).join(', ') || 'none' })
  }
  return arrays
}

/** The time in the archive: a fixed one, so that the same arrays give the same bytes. 1980 is the first that zip knows. */
const mtime = '1980-01-01T12:00:00'

/** Writes an npz file, its members stored as by `numpy.savez`. */
export function encodeNpz(arrays: ReadonlyMap<string, Pick<NdArray, 'shape' | 'values'>>): Uint8Array {
  const members = [...arrays].map(([name, array]) => [`${name}.npy`, encodeNpy(array)])
  return zipSync(Object.fromEntries(members), { level: 0, mtime })
}

function nameOf(member: string): string {
  return member.replace(/\.npy$/, '')
}
