import { stat } from 'node:fs/promises'
import { isMissing, type Keys, keysIn } from './key-file.ts'

const lookEveryMs = 1000

/** The keys of a file as it is, looked at again once a second when they are asked for. */
export async function keyring(file: string): Promise<() => Promise<Keys>> {
  let keys = keysIn(file)
  await keys
  let seen = await stampOf(file)
  let lookedAt = performance.now()
  return async () => {
    if (performance.now() - lookedAt >= lookEveryMs) {
      lookedAt = performance.now()
      const stamp = await stampOf(file)
      if (stamp !== seen) {
        seen = stamp
        keys = keysIn(file)
      }
    }
    return keys
  }
}

/** Another whenever the file is another, or gone: then a new one is made, and all tokens are void. */
async function stampOf(file: string): Promise<string> {
  try {
    const { ino, mtimeMs, size, mode } = await stat(file)
    return [ino, mtimeMs, size, mode].join(' ')
  } catch (cause) {
    if (isMissing(cause)) return 'gone'
    throw cause
  }
}
