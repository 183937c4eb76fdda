import { access, mkdir, open as openFile, readdir, readFile, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileErrorCode, fileReason, systemFaultOf } from '../../runtime/index.ts'
import { makeFolder } from '../../runtime/node/index.ts'
import { jobOrPart, listedRounds, registryError } from './errors.ts'
import { committedModel, modelFileNames, modelFiles, openedModel, settledModel } from './model-files.ts'
import type { CommittedModel, LoadedModel, ModelToCommit, OpenedModel, Spool } from './registry.ts'
import { turns } from './turns.ts'

/** Prefix of unfinished folders. The first commit of another process removes those that a killed process left. */
const unfinished = '.unfinished-'
/** Bytes that are read at once where a model is read piece by piece. */
const pieceBytes = 256 * 1024
/** Folders of jobs and parts that a registry remembers. */
const mostClean = 1000
const partPrefix = 'part-'
const roundPrefix = 'round-'

export interface FileRegistry extends Spool {
  /** Total bytes of a round's files. 0 if the round doesn't exist. */
  bytesOf(job: string, round: number, part?: string): Promise<number>
}

/**
 * A registry in a folder: `<job>/round-0001/` holds model.json and weights.bin, which TensorFlow.js loads, and
 * round.json with the lineage; `<job>/part-<name>/round-0001/` where a round has several models. A round's folder
 * appears whole or not at all, and is on disk when `commit` resolves.
 */
export function fileRegistry(folder: string): FileRegistry {
  const folderOf = (job: string, part?: string) =>
    part === undefined ? resolve(folder, job) : join(resolve(folder, job), `${partPrefix}${encodeURIComponent(part)}`)
  const roundFolder = (job: string, round: number, part?: string) =>
    join(folderOf(job, part), `${roundPrefix}${String(round).padStart(4, '0')}`)
  const namesIn = (location: string) => readdir(location).catch(ifMissing([], location))

  async function rounds(job: string, part?: string): Promise<number[]> {
    const names = await namesIn(folderOf(job, part))
    return names.flatMap((name) => (/^round-\d+$/.test(name) ? [Number(name.slice(6))] : [])).toSorted((a, b) => a - b)
  }

  async function lineage(job: string, round: number, part?: string): Promise<CommittedModel> {
    const location = roundFolder(job, round, part)
    const bytes = await readFile(join(location, modelFileNames.round)).catch(ifMissing(undefined, location))
    if (bytes === undefined) {
      const known = listedRounds(await rounds(job, part))
      throw registryError('REGISTRY_UNKNOWN', {
        job,
        round,
        of: jobOrPart(job, part),
        location: folderOf(job, part),
        known,
      })
    }
    return committedModel(bytes, location)
  }

  /** Folders that are there, without unfinished folders of killed processes. */
  const clean = new Set<string>()

  async function makeClean(parent: string): Promise<void> {
    await makeFolder(parent)
    for (const name of await readdir(parent)) {
      if (name.startsWith(unfinished)) await rm(join(parent, name), { recursive: true, force: true })
    }
    if (clean.size >= mostClean) clean.clear()
    clean.add(parent)
  }

  async function commit(model: ModelToCommit): Promise<void> {
    const { job, round, part, hash } = model
    const parent = folderOf(job, part)
    const target = roundFolder(job, round, part)
    const partial = join(parent, `${unfinished}${round}`)
    try {
      if (!clean.has(parent)) await makeClean(parent)
      // A damaged round is replaced.
      const present = (await isThere(target)) ? await load(job, round, part).catch(() => undefined) : undefined
      if (present?.hash === hash) return
      await mkdir(partial).catch(async (error: unknown) => {
        // Another process has removed the job's folder, or was killed within a commit of the round.
        if (!['ENOENT', 'EEXIST'].includes(fileErrorCode(error) ?? '')) throw error
        await makeClean(parent)
        await mkdir(partial)
      })
      await writeModel(partial, model)
      // A folder can't be renamed over another, so the older folder is first renamed as a whole.
      const older = join(parent, `${unfinished}${round}-older`)
      const isOlder = await rename(target, older).then(() => true, ifMissing(false))
      await rename(partial, target)
      await syncFolder(parent)
      if (isOlder) await removeFolder(older)
    } catch (error) {
      clean.delete(parent)
      await rm(partial, { recursive: true, force: true }).catch(() => {})
      throw writeError(error, target)
    }
  }

  function load(job: string, round: number, part?: string): Promise<LoadedModel> {
    const read = async () => {
      const committed = await lineage(job, round, part)
      const { location } = committed
      const readIn = (name: string) => readFile(join(location, name)).catch(ifMissing(undefined, location))
      const [weights, model] = await Promise.all([readIn(modelFileNames.weights), readIn(modelFileNames.model)])
      return { committed, files: { weights, model } }
    }
    return settledModel(read, () => lineage(job, round, part))
  }

  async function open(job: string, round: number, part?: string): Promise<OpenedModel> {
    const committed = await lineage(job, round, part)
    const { location } = committed
    const model = await readFile(join(location, modelFileNames.model)).catch(ifMissing(undefined, location))
    return openedModel(committed, model, async () => {
      const handle = await openFile(join(location, modelFileNames.weights)).catch(ifMissing(undefined, location))
      return handle && handle.createReadStream({ highWaterMark: pieceBytes })
    })
  }

  /** Renames first, so that a part of a round is never taken for the round. */
  async function remove(job: string, round: number, part?: string): Promise<void> {
    const parent = folderOf(job, part)
    const target = roundFolder(job, round, part)
    const leaving = join(parent, `${unfinished}${round}-removed`)
    try {
      await rename(target, leaving).catch(ifMissing(undefined))
      await removeFolder(leaving)
    } catch (error) {
      clean.delete(parent)
      throw writeError(error, target)
    }
  }

  /** Runs one change at a time, since each commit removes unfinished folders. */
  const inTurn = turns()

  return {
    commit: (model) => inTurn(folder, () => commit(model)),
    async latest(job, part) {
      const last = (await rounds(job, part)).at(-1)
      return last === undefined ? undefined : lineage(job, last, part)
    },
    list: rounds,
    async jobs() {
      const found: string[] = []
      for (const job of await namesIn(folder)) {
        const names = await readdir(folderOf(job)).catch(() => [])
        if (names.some((name) => name.startsWith(roundPrefix) || name.startsWith(partPrefix))) found.push(job)
      }
      return found.toSorted()
    },
    async parts(job) {
      const names = (await namesIn(folderOf(job))).filter((name) => name.startsWith(partPrefix))
      return names.map((name) => decodeURIComponent(name.slice(partPrefix.length))).toSorted()
    },
    load,
    open,
    describe: lineage,
    async bytesOf(job, round, part) {
      const location = roundFolder(job, round, part)
      const sizes = (await namesIn(location)).map(async (name) => (await stat(join(location, name))).size)
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
    },
    remove: (job, round, part) => inTurn(folder, () => remove(job, round, part)),
  }
}

async function writeModel(folder: string, model: ModelToCommit): Promise<void> {
  await Promise.all(modelFiles(model).map(({ name, bytes }) => writeDurably(join(folder, name), bytes)))
  await syncFolder(folder)
}

/** Whether a folder has a round, sound or damaged. */
function isThere(folder: string): Promise<boolean> {
  return access(join(folder, modelFileNames.round)).then(
    () => true,
    () => false,
  )
}

/** Removes the folder of a round by the names of its files: a look at the folder costs more. */
async function removeFolder(folder: string): Promise<void> {
  const files = Object.values(modelFileNames).map((name) => unlink(join(folder, name)))
  await Promise.allSettled(files)
  // Further files, of which a round has none by itself.
  await rmdir(folder).catch(() => rm(folder, { recursive: true, force: true }))
}

async function writeDurably(file: string, content: Uint8Array): Promise<void> {
  const handle = await openFile(file, 'w')
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await openFile(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Handles a read error: returns `value` for a missing file, throws REGISTRY_UNREADABLE for an unreadable one at
 * `location`.
 */
function ifMissing<Value>(value: Value, location?: string): (error: unknown) => Value {
  return (error) => {
    const code = fileErrorCode(error)
    if (code === 'ENOENT') return value
    if (code === undefined || location === undefined) throw error
    throw registryError('REGISTRY_UNREADABLE', { location, reason: fileReason(error) }, { cause: error })
  }
}

const writeCodes = { full: 'REGISTRY_FULL', denied: 'REGISTRY_DENIED', lost: 'REGISTRY_LOST' } as const

function writeError(error: unknown, location: string): unknown {
  const fault = systemFaultOf(error)
  return fault ? registryError(writeCodes[fault], { location, reason: fileReason(error) }, { cause: error }) : error
}
