import { readFileSync } from 'node:fs'
import { storeError } from '../errors.ts'
import type { LmdbKey, LmdbRoot } from './lmdb-root.ts'
import { seal, unseal } from './sealed.ts'

interface Owner {
  readonly pid: number
  /** When the process began, in the platform's own terms: tells it from a later one with the same number. */
  readonly began: string
}

const place: LmdbKey = ['owner']

/**
 * Takes possession of a store for this process; returns what gives it back. STORE_IN_USE if a living process has it; one that
 * was killed doesn't count. The owner is written down in a transaction, of which LMDB runs one at a time across processes:
 * of two that find a dead owner, one becomes the next.
 */
export function takeOwnership(root: LmdbRoot, folder: string): () => void {
  root.transactionSync(() => {
    const owner = ownerIn(root, folder)
    if (owner && beginningOf(owner.pid) === owner.began) throw storeError('STORE_IN_USE', { folder, pid: owner.pid })
    const own: Owner = { pid: process.pid, began: beginningOf(process.pid) ?? '' }
    root.putSync(place, seal(1, new TextEncoder().encode(JSON.stringify(own))))
  })
  return () => {
    try {
      root.removeSync(place)
    } catch {
      // Without room to write it down, the end of the process says the same.
    }
  }
}

function ownerIn(root: LmdbRoot, folder: string): Owner | undefined {
  const sealed = root.getBinary(place)
  if (!sealed) return undefined
  const owner: Owner = JSON.parse(new TextDecoder().decode(unseal(folder, sealed).bytes))
  return owner
}

/** Undefined if no such process lives. */
function beginningOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return undefined
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // From the third field on; the second, in parentheses, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended, and waits for its parent to notice.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return '' // No /proc on this platform: the number alone decides.
  }
}
