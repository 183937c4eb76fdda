import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { storeError } from '../errors.ts'

/** The file whose lock is the possession of the folder, and the one that tells others who has it. */
export const ownerFiles = { lock: 'flame-store.lock', owner: 'flame-store.owner' } as const

/** Of fs-native-extensions: false if another has the file open and locked. */
type TryLock = (file: number) => boolean

/** What systems say of a lock that another has. */
const taken: readonly unknown[] = ['EAGAIN', 'EBUSY', 'EACCES']

/**
 * Takes possession of a folder; returns what gives it back. STORE_IN_USE if another has it, in this process or elsewhere.
 * The kernel keeps the lock for this open file: it sees owners in other containers, and forgets one that was killed.
 */
export function takeOwnership(folder: string): () => void {
  const tryLock = lockOfPlatform(folder)
  const file = openSync(join(folder, ownerFiles.lock), 'a+')
  try {
    if (!isLocked(folder, () => tryLock(file))) throw storeError('STORE_IN_USE', { folder, owner: ownerIn(folder) })
  } catch (error) {
    closeSync(file)
    throw error
  }
  try {
    writeFileSync(join(folder, ownerFiles.owner), `process ${process.pid} of ${hostname()}\n`)
  } catch {
    // It only tells others whom to look for: a full disk needn't keep anybody from reading.
  }
  return () => closeSync(file)
}

function isLocked(folder: string, lock: () => boolean): boolean {
  try {
    return lock()
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && taken.includes(cause.code)) return false
    throw storeError('STORE_LOCK', { folder, reason: reasonOf(cause) }, { cause })
  }
}

function lockOfPlatform(folder: string): TryLock {
  try {
    const require = createRequire(import.meta.url)
    const { tryLock }: { readonly tryLock: TryLock } = require('fs-native-extensions')
    return tryLock
  } catch (cause) {
    const reason = `${process.platform} on ${process.arch} has no fs-native-extensions: ${reasonOf(cause)}`
    throw storeError('STORE_LOCK', { folder, reason }, { cause })
  }
}

function ownerIn(folder: string): string {
  try {
    return readFileSync(join(folder, ownerFiles.owner), 'utf8').trim()
  } catch {
    return 'another process'
  }
}

function reasonOf(cause: unknown): string {
  const [first = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n')
  return first
}
