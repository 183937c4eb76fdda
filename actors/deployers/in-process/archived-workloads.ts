import { randomBytes } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { CodedError, fileReason, type Store, systemFaultOf } from '../../../runtime/index.ts'
import { makeFolder } from '../../../runtime/node/index.ts'
import { type BundledWorkload, bundleWorkload, importWorkload } from '../../../sdk/node/index.ts'
import { defaultArchiveLimits, unpackedFiles } from '../../catalogue/archive.ts'
import { readArchive } from '../../catalogue/revisions.ts'
import { catalogueError } from '../../model/errors.ts'
import type { ArchiveLimits } from '../../records/parts.ts'
import type { DeployableJob } from '../deployer.ts'
import { controllerError } from '../errors.ts'
import type { WorkloadSource } from './workload-source.ts'

export interface ArchivedWorkloadsParts {
  readonly store: Pick<Store, 'getBlob'>
  /** Where code is unpacked, for this server: a folder for each revision of each design. */
  readonly folder: string
  readonly limits?: ArchiveLimits
}

/** Read from a job's code, and nothing of it was run. */
export interface ArchivedBundle extends BundledWorkload {
  /** Of the unpacked code. */
  readonly folder: string
}

/**
 * Workloads from the code of jobs' designs: the module `workload.ts` or `.js`, as `loadWorkload` finds it, in the folder of the
 * first role, by its name, that has datasets and brings one. It imports no file outside of the code but those of packages. Imports of `flame-fl` in it are this installation's.
 */
export function archivedWorkloads({
  store,
  folder,
  limits = defaultArchiveLimits,
}: ArchivedWorkloadsParts): WorkloadSource & { bundleOf(job: DeployableJob): Promise<ArchivedBundle> } {
  const unpacking = new Map<string, Promise<string>>()

  return {
    bundleOf,
    async load(job) {
      const bundled = await bundleOf(job)
      return { workload: await importWorkload(bundled.bundle), ...bundled }
    },
  }

  async function bundleOf(job: DeployableJob): Promise<ArchivedBundle> {
    const code = await unpackedCode(job)
    const roles = new Set(job.tasks.filter(({ dataset }) => dataset !== undefined).map(({ role }) => role))
    let missing: unknown
    for (const role of [...roles].toSorted()) {
      try {
        return { folder: code, ...(await bundleWorkload(join(code, role), { within: code })) }
      } catch (cause) {
        if (!(cause instanceof CodedError && cause.code === 'WORKLOAD_MISSING')) throw cause
        missing ??= cause
      }
    }
    throw missing
  }

  /** The folder of a job's code; unpacked once, though several jobs ask for it. */
  async function unpackedCode({ designSerial, spec: { codeRevision = 0 } }: DeployableJob): Promise<string> {
    const key = `${designSerial}/${codeRevision}`
    const target = resolve(folder, designSerial, String(codeRevision))
    try {
      return (await isThere(target)) ? target : await unpacked(key, target)
    } catch (cause) {
      throw folderError(cause, target)
    }
  }

  function unpacked(key: string, target: string): Promise<string> {
    const present = unpacking.get(key) ?? unpack(key, target).finally(() => unpacking.delete(key))
    unpacking.set(key, present)
    return present
  }

  async function unpack(key: string, target: string): Promise<string> {
    const archive = await readArchive(store, key)
    if (!archive) throw catalogueError('CODE_UNKNOWN', { id: key })
    await makeFolder(dirname(target))
    const partial = `${target}.unfinished-${randomBytes(6).toString('hex')}`
    try {
      for await (const { path, bytes } of unpackedFiles(archive, limits)) {
        const file = join(partial, path)
        // Said again, since a mistake here would write anywhere.
        if (!file.startsWith(partial + sep))
          throw catalogueError('CODE_ARCHIVE', { found: path, advice: 'pack it again' })
        await writeFile(file, bytes)
      }
      // Its modules are ES modules, unless it says otherwise.
      if (!(await isThere(join(partial, 'package.json'))))
        await writeFile(join(partial, 'package.json'), new TextEncoder().encode('{"type":"module"}\n'))
      await rename(partial, target)
    } catch (cause) {
      await rm(partial, { recursive: true, force: true }).catch(() => {})
      // Another process was faster.
      if (!(await isThere(target))) throw cause
    }
    return target
  }
}

const codes = { full: 'JOB_CODE_FULL', denied: 'JOB_CODE_DENIED', lost: 'JOB_CODE_LOST' } as const

function folderError(error: unknown, folder: string): unknown {
  const fault = systemFaultOf(error)
  return fault ? controllerError(codes[fault], { folder, reason: fileReason(error) }, { cause: error }) : error
}

async function writeFile(file: string, bytes: Uint8Array): Promise<void> {
  await makeFolder(dirname(file))
  const handle = await open(file, 'wx')
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return false
    throw cause
  }
}
