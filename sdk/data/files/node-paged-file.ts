import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { dataError } from '../errors.ts'
import { damaged, formatError } from '../formats/errors.ts'
import { checkUnchanged, fileError, nameOf } from './node-file-content.ts'

export interface PageSettings {
  /** Bytes of a page. Default 16 KiB: examples are read in random order, and each needs one or two pages. */
  readonly pageBytes?: number
  /** Most bytes of pages kept in memory. Default 64 MiB. */
  readonly cacheBytes?: number
}

/** A file with only some pages in memory. Node has no mmap. */
export interface PagedFile extends Disposable {
  readonly file: string
  readonly size: number
  /**
   * Fills `out` with the bytes from offset `position` on. @throws DATA_DAMAGED when the file ends earlier,
   * DATA_CHANGED, DATA_FILE, DATA_CLOSED
   */
  read(position: number, out: Uint8Array): void
}

/** Opens a file for reading by pages. @throws DATA_FILE with the reason as cause; DATA_SETTING */
export function openPaged(
  path: string | URL,
  { pageBytes = 16_384, cacheBytes = 64 * 1_048_576 }: PageSettings = {},
): PagedFile {
  const file = nameOf(path)
  for (const [name, came] of Object.entries({ pageBytes, cacheBytes })) {
    if (Number.isInteger(came) && came > 0) continue
    throw dataError('DATA_SETTING', { name, came, expected: 'a whole number from 1' })
  }
  const fails = <Result>(work: () => Result): Result => {
    try {
      return work()
    } catch (cause) {
      throw fileError(file, cause)
    }
  }
  let descriptor: number | undefined = fails(() => openSync(path, 'r'))
  const open = descriptor
  const stats = fails(() => fstatSync(open))
  const { size } = stats
  const most = Math.max(1, Math.floor(cacheBytes / pageBytes))
  // In the order of their last use, oldest first.
  const pages = new Map<number, Uint8Array>()

  function page(number: number): Uint8Array {
    const known = pages.get(number)
    if (known) {
      pages.delete(number)
      pages.set(number, known)
      return known
    }
    const from = descriptor
    if (from === undefined) throw formatError('DATA_CLOSED', { file })
    const [oldest] = pages.size < most ? [] : pages
    if (oldest) pages.delete(oldest[0])
    const bytes = oldest?.[1] ?? new Uint8Array(pageBytes)
    const start = number * pageBytes
    const length = Math.min(pageBytes, size - start)
    const came = fails(() => readSync(from, bytes, 0, length, start))
    checkUnchanged(file, stats, fstatSync(from))
    if (came < length) throw damaged(file, start + came, `${size} bytes, as when it was opened`, 'the end')
    pages.set(number, bytes)
    return bytes
  }

  return {
    file,
    size,
    read(position, out) {
      if (descriptor === undefined) throw formatError('DATA_CLOSED', { file })
      if (position + out.length > size) throw damaged(file, size, `${position + out.length} bytes`, 'the end')
      for (let done = 0; done < out.length; ) {
        const at = position + done
        const start = at % pageBytes
        const part = page(Math.floor(at / pageBytes)).subarray(start, start + out.length - done)
        out.set(part, done)
        done += part.length
      }
    },
    [Symbol.dispose]() {
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
      pages.clear()
    },
  }
}
