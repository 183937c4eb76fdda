import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ArchiveLimits, defaultArchiveLimits, unpackedFiles } from '../../actors/catalogue/index.ts'
import { CodedError, fileErrorCode } from '../../runtime/index.ts'
import { makeFolder } from '../../runtime/node/index.ts'
import type { HostedJob } from '../../sdk/index.ts'
import { type BundledWorkload, bundleWorkload } from '../../sdk/node/index.ts'
import { flameletError } from '../errors.ts'
import { type CodeFiles, requireSigned, type Trust } from './signature.ts'

/** The bundle of a job's workload, of which nothing has run. */
export interface PreparedCode extends BundledWorkload {
  /** The folder of the code, which the job may read. */
  readonly folder: string
  /** A file with the bundle's URL, for a process that may read the folder alone. */
  readonly bundleFile: string
}

/**
 * Finds and checks the code of a job. `fetch` brings the archive from the server. Rejects with a coded error if the
 * flamelet doesn't run the code.
 */
export type CodeSource = (job: HostedJob, fetch: () => Promise<Uint8Array>) => Promise<PreparedCode>

export interface DeviceCodeParts {
  /** Folder for archives and unpacked code, which belongs to this flamelet alone. */
  readonly folder: string
  readonly trust: Trust
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  readonly limits?: ArchiveLimits
}

/** Archives that are kept for later jobs. */
const keptArchives = 20

/**
 * Takes code from archives that a trusted key has signed. Archives are kept by their hash, and checked each time;
 * unpacked code is left from no earlier life, since a job without confinement could have changed it.
 *
 * @throws CODE_HASH, CODE_UNSIGNED, CODE_SIGNATURE, CODE_SIGNER, CODE_EXPIRED, CODE_ARCHIVE, WORKLOAD_MISSING,
 *   WORKLOAD_BROKEN.
 */
export async function deviceCode({
  folder,
  trust,
  now,
  limits = defaultArchiveLimits,
}: DeviceCodeParts): Promise<CodeSource> {
  const archives = join(folder, 'archives')
  const unpacked = join(folder, 'unpacked')
  await rm(unpacked, { recursive: true, force: true })
  for (const each of [archives, unpacked]) await makeFolder(each, 0o700)
  /** By hash and role: bundles of this life. */
  const bundles = new Map<string, Promise<PreparedCode>>()
  const unpackings = new Map<string, Promise<string>>()

  return async (job, fetch) => {
    const archive = await archiveOf(job, fetch)
    const hash = sha256(archive)
    const files = await filesOf(archive)
    requireSigned(files, trust, now())
    return once(bundles, `${hash} ${rolesOf(job).join(' ')}`, async () => {
      const code = await once(unpackings, hash, () => unpack(join(unpacked, hash), files))
      return bundled(code, rolesOf(job))
    })
  }

  async function archiveOf({ codeHash }: HostedJob, fetch: () => Promise<Uint8Array>): Promise<Uint8Array> {
    if (codeHash !== undefined && /^[\da-f]{64}$/.test(codeHash)) {
      const kept = await readFile(join(archives, `${codeHash}.zip`)).catch((cause: unknown) => {
        if (fileErrorCode(cause) !== 'ENOENT') throw cause
      })
      if (kept && sha256(kept) === codeHash) return kept
    }
    const archive = await fetch()
    const came = sha256(archive)
    if (codeHash !== undefined && came !== codeHash) throw flameletError('CODE_HASH', { came, expected: codeHash })
    await keep(join(archives, `${came}.zip`), archive)
    return archive
  }

  async function keep(file: string, archive: Uint8Array): Promise<void> {
    const partial = `${file}.${randomBytes(6).toString('hex')}.part`
    await writeFile(partial, archive, { mode: 0o600, flush: true })
    await rename(partial, file)
    const names = await readdir(archives)
    const kept = await Promise.all(
      names.map(async (name) => {
        const path = join(archives, name)
        return { path, at: (await stat(path).catch(() => undefined))?.mtimeMs ?? 0 }
      }),
    )
    const old = kept.toSorted((a, b) => b.at - a.at).slice(keptArchives)
    await Promise.all(old.map(({ path }) => rm(path, { force: true })))
  }

  async function filesOf(archive: Uint8Array): Promise<CodeFiles> {
    const files = new Map<string, Uint8Array>()
    for await (const { path, bytes } of unpackedFiles(archive, limits)) files.set(path, bytes)
    return files
  }
}

/**
 * Takes the workload of each job from a file of this machine, whose code the owner trusts. `folder` is the flamelet's
 * own folder for code.
 */
export function localCode(workload: string, folder: string): CodeSource {
  let found: Promise<PreparedCode> | undefined
  return () => {
    found ??= (async () => {
      await makeFolder(folder, 0o700)
      const bundle = await bundleWorkload(workload)
      const bundleFile = await bundleFileOf(folder, bundle.bundle)
      return { ...bundle, folder: dirname(fileURLToPath(bundle.module)), bundleFile }
    })()
    found.catch(() => {
      found = undefined
    })
    return found
  }
}

async function unpack(folder: string, files: CodeFiles): Promise<string> {
  for (const [path, bytes] of files) {
    const file = join(folder, path)
    // `unpackedFiles` refuses these paths; a second check, since a mistake would write outside the folder.
    if (!file.startsWith(folder + sep)) throw flameletError('CODE_SIGNATURE', { found: `it names ${path}` })
    await makeFolder(dirname(file), 0o700)
    await writeFile(file, bytes)
  }
  // Modules of the code are ES modules, unless the archive has its own package.json.
  if (!files.has('package.json')) await writeFile(join(folder, 'package.json'), '{"type":"module"}\n')
  return folder
}

/** The workload lies in the folder of a role with datasets: of several, of the first by name. */
async function bundled(folder: string, roles: readonly string[]): Promise<PreparedCode> {
  let missing: unknown
  for (const role of roles) {
    try {
      const bundle = await bundleWorkload(join(folder, role), { within: folder })
      return { ...bundle, folder, bundleFile: await bundleFileOf(folder, bundle.bundle) }
    } catch (cause) {
      if (!(cause instanceof CodedError && cause.code === 'WORKLOAD_MISSING')) throw cause
      missing ??= cause
    }
  }
  throw missing
}

/** Writes the bundle beside the code: it is too long for an argument. */
async function bundleFileOf(folder: string, bundle: URL): Promise<string> {
  const file = join(folder, `bundle-${sha256(new TextEncoder().encode(bundle.href)).slice(0, 16)}.txt`)
  await writeFile(file, bundle.href, { mode: 0o600 })
  return file
}

function rolesOf({ schema: { roles } }: HostedJob): readonly string[] {
  const withData = roles.filter(({ isDataConsumer }) => isDataConsumer)
  return (withData.length > 0 ? withData : roles).map(({ name }) => name).toSorted()
}

/** Shares the work for a key among callers; forgets work that failed. */
function once<Value>(known: Map<string, Promise<Value>>, key: string, work: () => Promise<Value>): Promise<Value> {
  const present = known.get(key)
  if (present) return present
  const begun = work()
  known.set(key, begun)
  begun.catch(() => known.delete(key))
  return begun
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
