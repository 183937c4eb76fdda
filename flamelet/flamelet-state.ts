import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { lmdbStore } from '../runtime/durable/lmdb/index.ts'
import { CodedError, decode, encode, fileErrorCode, fileReason, type Store } from '../runtime/index.ts'
import { makeFolder } from '../runtime/node/index.ts'
import { flameletError } from './errors.ts'

const hostedRun = z.object({ job: z.string(), run: z.string(), ends: z.array(z.string()) })

const flameletReport = z.object({
  name: z.string(),
  url: z.string(),
  pid: z.number(),
  /** Time at which the process began, as the system counts it: another process may have the same number later. */
  began: z.string(),
  incarnation: z.number(),
  state: z.enum(['starting', 'connecting', 'joined', 'refused', 'draining', 'ended']),
  /** Time of the last change, RFC 3339. */
  since: z.string(),
  /** Why the flamelet isn't joined, or wasn't. */
  cause: z.object({ code: z.string(), message: z.string() }).optional(),
  tasks: z.array(hostedRun),
  /** Processes of tasks. */
  processes: z.array(z.object({ pid: z.number(), began: z.string() })),
})

/** The report that a flamelet keeps in its folder. */
export type FlameletReport = z.output<typeof flameletReport>

const reportFile = 'flamelet.json'

/** The folder of a flamelet: its name and incarnation, the state of tasks' roles, code, and the flamelet's report. */
export interface FlameletState extends AsyncDisposable {
  readonly store: Store
  readonly folder: string
  /** The flamelet's name: as given, else as in earlier lives. */
  readonly name: string
  /** Greater than in each earlier life. */
  readonly incarnation: number
  /** Writes the report, soon after the last of several calls. */
  report(report: FlameletReport): void
}

/**
 * Opens a flamelet's folder, which one process at a time has.
 *
 * @throws FLAMELET_RUNNING, FLAMELET_NAME if the folder belongs to a flamelet of another name, and the store's errors.
 */
export async function openFlameletState(
  folder: string,
  given: { readonly name?: string; readonly otherwise: string },
): Promise<FlameletState> {
  await makeFolder(folder, 0o700)
  const store = await lmdbStore(join(folder, 'store')).catch(async (cause: unknown) => {
    if (!(cause instanceof CodedError && cause.code === 'STORE_IN_USE')) throw cause
    const present = await readReport(folder).catch(() => undefined)
    throw flameletError(
      'FLAMELET_RUNNING',
      { folder, name: present?.name ?? 'another', pid: present?.pid ?? 'unknown' },
      { cause },
    )
  })
  let written: Promise<void> = Promise.resolve()
  let next: FlameletReport | undefined
  try {
    const kept = await store.load(key)
    const known = identity.parse(kept ? decode(kept.bytes) : {})
    const name = given.name ?? known.name ?? given.otherwise
    if (known.name !== undefined && known.name !== name)
      throw flameletError('FLAMELET_NAME', { folder, known: known.name, name })
    const incarnation = known.incarnation + 1
    await store.save(key, kept?.version ?? 0, encode({ name, incarnation }))
    await endLeftProcesses(folder)
    return {
      store,
      folder,
      name,
      incarnation,
      report(report) {
        const isWriting = next !== undefined
        next = report
        if (!isWriting) written = written.then(write)
      },
      async [Symbol.asyncDispose]() {
        await written
        await store.close()
      },
    }
  } catch (cause) {
    await store.close()
    throw cause
  }

  async function write(): Promise<void> {
    const report = next
    next = undefined
    const file = join(folder, reportFile)
    try {
      await writeFile(`${file}.new`, `${JSON.stringify(report, null, 2)}\n`, { mode: 0o600 })
      await rename(`${file}.new`, file)
    } catch (cause) {
      // The report is for people: the flamelet goes on with a full disk.
      console.error(`${file} cannot be written: ${fileReason(cause)}`)
    }
  }
}

const key = 'flamelet'
const identity = z.object({ name: z.string().optional(), incarnation: z.number().int().default(0) })

/** Ends processes of tasks that a killed flamelet has left: a blocked one doesn't notice that the flamelet has ended. */
async function endLeftProcesses(folder: string): Promise<void> {
  const report = await readReport(folder).catch(() => undefined)
  for (const { pid, began } of report?.processes ?? [])
    if (began !== '' && (await beginningOf(pid)) === began) process.kill(pid, 'SIGKILL')
}

/** The report in a flamelet's folder. FLAMELET_UNKNOWN if there is none, or it can't be read. */
export async function readReport(folder: string): Promise<FlameletReport> {
  try {
    return flameletReport.parse(JSON.parse(await readFile(join(folder, reportFile), 'utf8')))
  } catch (cause) {
    const reason = fileErrorCode(cause) === 'ENOENT' ? 'no flamelet has run there' : fileReason(cause)
    throw flameletError('FLAMELET_UNKNOWN', { folder, reason }, { cause })
  }
}

/** Whether the process of a report lives. */
export async function isLiving({ pid, began }: Pick<FlameletReport, 'pid' | 'began'>): Promise<boolean> {
  if (began !== '') return (await beginningOf(pid)) === began
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return fileErrorCode(cause) === 'EPERM'
  }
}

/** When a process began: its number and this together name it. Empty where the system doesn't tell, and for none. */
export async function beginningOf(pid: number): Promise<string> {
  if (process.platform !== 'linux') return ''
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The second field is a name in parentheses, which may hold spaces. Of the fields after it, the 20th is the beginning.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}
