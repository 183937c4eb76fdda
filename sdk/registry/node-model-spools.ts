import { createHash } from 'node:crypto'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileErrorCode, fileReason, systemFaultOf } from '../../runtime/index.ts'
import { makeFolder } from '../../runtime/node/index.ts'
import { registryError } from './errors.ts'
import { fileRegistry } from './node-file-registry.ts'
import { remoteRegistry } from './node-remote-registry.ts'
import type { ModelRegistry } from './registry.ts'
import { type KeptRounds, keepingRounds, type RetentionOptions } from './retention.ts'
import { type SpooledRegistry, type SpoolParts, spooledRegistry } from './spooled-registry.ts'

/** Models on their way to registries that may be away. */
export interface ModelSpools {
  /** The registry of an address, behind its own spool. */
  at(address: string): Promise<SpooledRegistry>
  /** The folder of the spool of an address, to which another process may commit. */
  folderOf(address: string): string
  /** By the address of each registry: number of models that it doesn't have yet. */
  behind(): Promise<ReadonlyMap<string, number>>
  /** Begins no more uploads. */
  close(): void
}

export interface ModelSpoolsParts
  extends Pick<SpoolParts, 'clock' | 'random' | 'delays' | 'mostModels' | 'onFull' | 'onTrouble' | 'onCaughtUp'> {
  /** Has a folder for each address. */
  readonly folder: string
  /** Gives credentials of registries. */
  readonly environment: NodeJS.ProcessEnv
  /** The rounds of a job that stay in the registry. Default: all. */
  readonly keepOf?: (job: string) => KeptRounds | undefined | Promise<KeptRounds | undefined>
  /** As `RetentionOptions.isNeeded`. */
  readonly isNeeded?: RetentionOptions['isNeeded']
  /** Opens the registry of an address. Default: MLflow and S3. */
  readonly open?: (address: string, environment: NodeJS.ProcessEnv) => Promise<ModelRegistry>
}

/** Names the registry of a spool, so that its uploads go on after the end of the process. */
const addressFile = 'address'

/**
 * Opens the spools of a folder, one for each address of a registry, and goes on with the uploads that an earlier process
 * left.
 */
export async function modelSpools(parts: ModelSpoolsParts): Promise<ModelSpools> {
  const { folder, environment, keepOf = () => undefined, isNeeded, open = remoteRegistry } = parts
  const opened = new Map<string, Promise<SpooledRegistry>>()
  const folderOf = (address: string) => join(folder, spoolName(address))

  async function spoolAt(address: string): Promise<SpooledRegistry> {
    const place = folderOf(address)
    try {
      await makeFolder(place)
      const file = join(place, addressFile)
      await writeFile(`${file}.new`, address)
      await rename(`${file}.new`, file)
    } catch (cause) {
      if (!systemFaultOf(cause)) throw cause
      throw registryError('REGISTRY_DENIED', { location: place, reason: fileReason(cause) }, { cause })
    }
    let remote: Promise<ModelRegistry> | undefined
    return spooledRegistry({
      ...parts,
      spool: fileRegistry(place),
      async remoteOf(job) {
        remote ??= open(address, environment)
        const [registry, keep] = await Promise.all([remote, keepOf(job)])
        return keep ? keepingRounds(registry, keep, isNeeded && { isNeeded }) : registry
      },
    })
  }

  function at(address: string): Promise<SpooledRegistry> {
    const known = opened.get(address) ?? spoolAt(address)
    opened.set(address, known)
    known.catch(() => opened.delete(address))
    return known
  }

  for (const name of await readdir(folder).catch(ifMissing))
    await readFile(join(folder, name, addressFile), 'utf8').then(at, ifMissing)
  return {
    at,
    folderOf,
    async behind() {
      const found = [...opened].map(async ([address, spool]) => [address, await (await spool).behindInAll()] as const)
      return new Map(await Promise.all(found))
    },
    close() {
      for (const registry of opened.values())
        void registry.then(
          (one) => one.close(),
          () => {},
        )
    },
  }
}

/** A name that a person can read, and that no other address has. */
function spoolName(address: string): string {
  const hash = createHash('sha256').update(address).digest('hex').slice(0, 12)
  return `${address.replace(/[^\w.-]+/g, '-').slice(0, 60)}-${hash}`
}

function ifMissing(cause: unknown): never[] {
  const code = fileErrorCode(cause)
  if (code === 'ENOENT' || code === 'ENOTDIR') return []
  throw cause
}
