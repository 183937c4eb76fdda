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
  /** This server's folder for unpacked code, with a folder for each revision of each design. */
  readonly folder: string
  readonly limits?: ArchiveLimits
}

/** The bundle of a workload from a job's code, of which nothing has run. */
export interface ArchivedBundle extends BundledWorkload {
  /** Folder of the unpacked code. */
  readonly folder: string
}

/**
 * Loads workloads from the code of jobs' designs: `workload.ts` or `workload.js` in the folder of a role with datasets;
 * of several such roles, the first by name. The workload may import files of the code and packages, no other files. An
 * import of `flame-fl` gets this installation's. WORKLOAD_MISSING if no folder has a workload, CODE_UNKNOWN,
 * JOB_CODE_FULL, JOB_CODE_DENIED, JOB_CODE_LOST.
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

  /** The folder of a job's code. Several jobs with the same code share one unpacking. */
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
        // `unpackedFiles` has refused these paths already; a second check, since a mistake would write outside the
        // folder.
        if (!file.startsWith(partial + sep))
          throw catalogueError('CODE_ARCHIVE', { found: path, advice: 'pack it again' })
        await writeFile(file, bytes)
      }
      // Modules of the code are ES modules, unless the archive has its own package.json.
      if (!(await isThere(join(partial, 'package.json'))))
        await writeFile(join(partial, 'package.json'), new TextEncoder().encode('{"type":"module"}\n'))
      await rename(partial, target)
    } catch (cause) {
      await rm(partial, { recursive: true, force: true }).catch(() => {})
      // Not a fault if another process has unpacked the same code meanwhile.
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
